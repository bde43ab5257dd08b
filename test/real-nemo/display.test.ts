import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { startSubscriber } from '../../lab/subscriber.ts'
import { display, type Shown } from '../fixtures/display.ts'
import { liveThrough, type PresentDay, SECRET } from './day.ts'
import { RELEASES, reasonToSkip } from './kit.ts'

const skip = reasonToSkip()
t.setTimeout(900_000)
t.jobs = 2 // most of a day is waiting

const PACE_SECONDS = 1
/** Longer than this no display may be wrong, in milliseconds. */
const WRONG_MS = 2_000
const LOOK_MS = 50

/** How each tool is, straight from NEMO's tables: a child is what its parent is. */
const TRUTH = `
  with family as (select t.id, coalesce(t.parent_tool_id, t.id) as root from "NEMO_tool" t),
  used as (select f.root, max(u.user_id) as user_id from "NEMO_usageevent" u join family f on f.id = u.tool_id
            where u."end" is null group by f.root)
  select f.id, case when used.root is not null then 'active' when r.operational then 'available' else 'off' end as state,
         p.first_name || ' ' || p.last_name as user
    from family f join "NEMO_tool" r on r.id = f.root
    left join used on used.root = f.root left join "NEMO_user" p on p.id = used.user_id`

/** Looks at NEMO's tables and at what displays show, and notes how long any of them was wrong. */
class Watch {
  readonly faults: string[] = []
  longestMs = 0
  looks = 0
  readonly states = new Set<string>()
  readonly #wrongSince = new Map<number, number>()

  look(truth: ReadonlyArray<{ id: number; state: string; user: string | null }>, shown: Map<number, Shown>): void {
    const now = performance.now()
    this.looks += 1
    for (const { id, state, user } of truth) {
      const screen = shown.get(id)
      this.states.add(state)
      const isRight = screen?.state === state && (state !== 'active' || screen.user === user)
      const since = isRight ? now : (this.#wrongSince.get(id) ?? now)
      this.#wrongSince.set(id, since)
      this.longestMs = Math.max(this.longestMs, now - since)
      if (now - since > WRONG_MS) {
        this.faults.push(`tool ${id} is ${state} (${user}) and shown as ${screen?.state} (${screen?.user})`)
      }
    }
  }
}

for (const dialect of ['documented', 'plugin'] as const) {
  t.test(
    `displays show how every tool is throughout a day on NEMO 8.1.5: ${dialect}`,
    { skip, buffered: true },
    async (t) => {
      const watch = new Watch()
      const meanwhile = async ({ databaseUrl, broker }: PresentDay, isOver: AbortSignal): Promise<void> => {
        const screen = await startSubscriber({ url: broker.url, topics: ['nemo/tools/+/+'] })
        const client = new pg.Client(databaseUrl)
        await client.connect()
        const shown = new Map<number, Shown>()
        let read = 0
        try {
          await screen.waitFor(({ topic }) => topic.endsWith('/idle'), 20_000)
          while (!isOver.aborted) {
            const { rows } = await client.query(TRUTH)
            for (const { topic, raw } of screen.messages.slice(read)) {
              const one = display(topic, raw, SECRET)
              if (one !== undefined) shown.set(one.tool, one)
            }
            read = screen.messages.length
            watch.look(rows, shown)
            await delay(LOOK_MS, undefined, { signal: isOver }).catch(() => undefined) // how often it looks, not a wait
          }
        } finally {
          await Promise.all([screen.stop(), client.end()])
        }
      }
      await liveThrough(t, `day_newest_display_${dialect}`, {
        release: RELEASES.newest,
        mqttVersion: '5',
        secret: SECRET,
        dialect,
        paceSeconds: PACE_SECONDS,
        settings: { display_prefix: 'nemo' },
        meanwhile,
      })
      t.comment(`${watch.looks} looks; wrong for ${Math.round(watch.longestMs)} ms at most`)
      t.strictSame([...new Set(watch.faults)], [])
      t.strictSame([...watch.states].sort(), ['active', 'available', 'off'], 'each state was there')
    },
  )
}
