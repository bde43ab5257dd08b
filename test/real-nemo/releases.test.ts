import t from 'tap'
import { passDay, SECRET } from './day.ts'
import { RELEASES, reasonToSkip } from './kit.ts'

const skip = reasonToSkip()
t.setTimeout(900_000) // where nothing is cached, each release is installed and migrated first

t.test('a day on NEMO 7.4.3 arrives whole and in order: signed, MQTT 5', { skip }, async (t) => {
  await passDay(t, 'day_previous_signed_5', { release: RELEASES.previous, mqttVersion: '5', secret: SECRET })
})

t.test('a day on NEMO 7.4.3 arrives whole and in order: unsigned, MQTT 3.1.1', { skip }, async (t) => {
  await passDay(t, 'day_previous_open_3', { release: RELEASES.previous, mqttVersion: '3.1.1' })
})

t.test('a day on NEMO 4.7.1 arrives whole and in order: signed, MQTT 3.1.1', { skip }, async (t) => {
  await passDay(t, 'day_oldest_signed_3', { release: RELEASES.oldest, mqttVersion: '3.1.1', secret: SECRET })
})

t.test('a day on NEMO 4.7.1 arrives whole and in order: unsigned, MQTT 5', { skip }, async (t) => {
  await passDay(t, 'day_oldest_open_5', { release: RELEASES.oldest, mqttVersion: '5' })
})

t.test(
  'a day on NEMO-CE 8.1.5 arrives whole and in order: signed, MQTT 5, as the service role',
  { skip },
  async (t) => {
    const options = { release: RELEASES.community, mqttVersion: '5', secret: SECRET, asServiceRole: true } as const
    await passDay(t, 'day_community_signed_5', options)
  },
)

t.test('a day on NEMO-CE 8.1.5 arrives whole and in order: unsigned, MQTT 3.1.1', { skip }, async (t) => {
  await passDay(t, 'day_community_open_3', { release: RELEASES.community, mqttVersion: '3.1.1' })
})
