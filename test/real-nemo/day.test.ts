import t from 'tap'
import { passDay, SECRET } from './day.ts'
import { RELEASES, reasonToSkip } from './kit.ts'

const skip = reasonToSkip()
const release = RELEASES.newest
t.setTimeout(900_000) // where nothing is cached, the release is installed and migrated first

t.test('a day on NEMO 8.1.5 arrives whole and in order: signed, MQTT 5', { skip }, async (t) => {
  await passDay(t, 'day_newest_signed_5', { release, mqttVersion: '5', secret: SECRET })
})

t.test(
  'a day on NEMO 8.1.5 arrives whole and in order: signed, MQTT 3.1.1, as the service role',
  { skip },
  async (t) => {
    const options = { release, mqttVersion: '3.1.1', secret: SECRET, asServiceRole: true } as const
    await passDay(t, 'day_newest_signed_3', options)
  },
)

t.test('a day on NEMO 8.1.5 arrives whole and in order: unsigned, MQTT 5', { skip }, async (t) => {
  await passDay(t, 'day_newest_open_5', { release, mqttVersion: '5' })
})

t.test('a day on NEMO 8.1.5 arrives whole and in order: unsigned, MQTT 3.1.1', { skip }, async (t) => {
  await passDay(t, 'day_newest_open_3', { release, mqttVersion: '3.1.1' })
})
