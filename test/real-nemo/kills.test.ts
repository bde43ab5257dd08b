import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { Random } from '../../lab/life/random.ts'
import { type PresentDay, passDay, SECRET } from './day.ts'
import { RELEASES, reasonToSkip } from './kit.ts'

const skip = reasonToSkip()
t.setTimeout(900_000) // where nothing is cached, the release is installed and migrated first

const PACE_SECONDS = 1.4 // makes the day last about 45 s

t.test(
  'a day on NEMO 8.1.5 arrives whole and in order while the service is killed all the time',
  { skip },
  async (t) => {
    const seed = Math.floor(Math.random() * 1_000_000)
    t.comment(`seed ${seed}`)
    const random = new Random(seed)
    let kills = 0
    const meanwhile = async ({ service, recording }: PresentDay, isOver: AbortSignal): Promise<void> => {
      while (!isOver.aborted) {
        // Not a wait for something: the moment of the kill is what varies.
        await delay(random.between(1_500, 3_000), undefined, { signal: isOver }).catch(() => undefined)
        // Mostly in the middle of work, when some messages of a burst have arrived and others have not.
        if (random.chance(0.7)) await recording.next(1_500)
        await service.kill()
        kills += 1
        await service.start()
      }
    }
    const options = { release: RELEASES.newest, mqttVersion: '5', secret: SECRET, paceSeconds: PACE_SECONDS } as const
    await passDay(t, 'day_newest_killed', { ...options, meanwhile })
    t.comment(`${kills} kills`)
    t.ok(kills >= 10, 'it was killed many times')
  },
)
