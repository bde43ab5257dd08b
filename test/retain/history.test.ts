import t from 'tap'
import { live } from '../../lab/life.ts'
import { until } from '../../lab/wait.ts'
import type { ToolStateMessage } from '../../src/retain/messages.ts'
import { delivered, openLaboratory } from '../service/laboratory.ts'

t.setTimeout(180_000)

const ROUNDS = 4
const ACTS_A_SECOND = 60
const ROUND_MS = 3_000

// Written anew and simply, not as the service asks: what NEMO's pages show of each tool at this moment.
const FACTS = `
select t.id as tool_id, t.name as tool_name, root.operational,
       u.id is not null as in_use, u.id as usage_id, p.first_name || ' ' || p.last_name as user_name,
       (select count(*)::int from "NEMO_task" k where k.tool_id = root.id and not k.cancelled and not k.resolved) as problem_count,
       (select r.id from "NEMO_reservation" r where r.tool_id = root.id and not r.cancelled and not r.missed and not r.shortened
         and r.start > now() order by r.start, r.id limit 1) as next_reservation
  from "NEMO_tool" t
  join "NEMO_tool" root on root.id = coalesce(t.parent_tool_id, t.id)
  left join lateral (select * from "NEMO_usageevent" u where u."end" is null and u.tool_id in
         (select f.id from "NEMO_tool" f where coalesce(f.parent_tool_id, f.id) = root.id)
         order by u.start desc, u.id desc limit 1) u on true
  left join "NEMO_user" p on p.id = u.user_id
 order by t.id`

interface Fact {
  readonly tool_id: number
  readonly next_reservation: number | null
}

t.test('after any history of the laboratory the retained states are what the tables say', async (t) => {
  const laboratory = await openLaboratory(t)
  const { databaseUrl, sql, subscriber } = laboratory
  await laboratory.start({ settings: { publish_state: true } })
  await subscriber.waitFor(({ topic }) => topic === 'nemo/tools/overall', 20_000)
  const told = (id: number): ToolStateMessage | undefined =>
    subscriber.messages.findLast(({ topic }) => topic === `nemo/tools/${id}/state`)?.parsed as
      | ToolStateMessage
      | undefined
  const asTold = ({ tool_id }: Fact): object => {
    const { tool_name, operational, in_use, usage_id, user_name, problem_count, next_reservation } = told(tool_id) ?? {}
    return {
      tool_id,
      tool_name,
      operational,
      in_use,
      usage_id,
      user_name,
      problem_count,
      next_reservation: next_reservation?.reservation_id ?? null,
    }
  }
  for (let round = 1; round <= ROUNDS; round += 1) {
    const seed = Math.floor(Math.random() * 1_000_000)
    let changes = 0
    const onChange = (): void => {
      changes += 1
    }
    const { signal } = { signal: AbortSignal.timeout(ROUND_MS) }
    await live({ url: databaseUrl, seed, rate: ACTS_A_SECOND, signal, onAct: () => undefined, onChange })
    await delivered(laboratory)
    let facts: Fact[] = []
    const agree = async (): Promise<boolean> => {
      facts = (await sql(FACTS)) as unknown as Fact[]
      return facts.every((fact) => JSON.stringify(sorted(asTold(fact))) === JSON.stringify(sorted(fact)))
    }
    const isSo = await until(agree, { what: 'states and tables to agree', deadlineMs: 10_000 }).catch(() => false)
    t.ok(isSo, `round ${round}, seed ${seed}, ${changes} changes`)
    if (!isSo) t.strictSame(facts.map(asTold), facts)
  }
})

function sorted(object: object): object {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))
}
