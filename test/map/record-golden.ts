import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'lossless-json'
import pg from 'pg'
import { NameLookup } from '../../src/capture/lookup.ts'
import type { Change, Operation, Row } from '../../src/change.ts'
import { type Lookup, type MappedEvent, mapChange, parseRow } from '../../src/map/index.ts'
import { GOLDEN_FOLDER } from './golden.ts'

// Makes golden files from what a real NEMO wrote: a file for the first change of every kind in the change log.
//   node dist/test/map/record-golden.js DATABASE_URL RELEASE     RELEASE: such as nemo-8.1.5, for the names of the files
// `expected` is what the mappers say today. Hold it against what NEMO did before it is committed.

interface Logged extends Omit<Change, 'old' | 'new'> {
  readonly old: string | null
  readonly new: string | null
}

const [url, release] = process.argv.slice(2)
if (url === undefined || release === undefined) throw new Error('usage: record-golden DATABASE_URL RELEASE')
const pool = new pg.Pool({ connectionString: url })
try {
  const changes = await readLog(pool)
  const lookup = new NameLookup(pool, 'public', { nameFormat: () => 'first_last', onProblem: console.warn })
  const at = await lookup.forBatch(changes)
  const known = new Set<string>()
  for (const change of changes) {
    const asked: Record<string, Record<string, Row | undefined>> = {}
    const events = mapChange(change, recording(at(change), asked))
    const kind = kindOf(change.operation, events)
    if (known.has(change.table + kind)) continue
    known.add(change.table + kind)
    const { id, at: when, operation } = change
    const golden = {
      description: `${release}: ${kind.replaceAll('-', ' ')}`,
      change: { id, at: when, operation, old: change.old, new: change.new },
      lookup: asked,
      expected: events.map(({ topic, body }) => ({ topic, body })),
    }
    mkdirSync(join(GOLDEN_FOLDER, change.table), { recursive: true })
    writeFileSync(join(GOLDEN_FOLDER, change.table, `${release}-${kind}.json`), `${stringify(golden, null, 2)}\n`)
  }
} finally {
  await pool.end()
}

async function readLog(pool: pg.Pool): Promise<Change[]> {
  const { rows } = await pool.query<Logged>(
    `select c.id::text, to_char(c.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, c.tbl as "table",
            c.op as operation, c.old::text, c.new::text from nemo_mqtt.change_log c order by c.id`,
  )
  const read = (text: string | null) => (text === null ? null : parseRow(text))
  return rows.map((row) => ({ ...row, old: read(row.old), new: read(row.new) }))
}

function kindOf(operation: Operation, events: readonly MappedEvent[]): string {
  const words = events.flatMap(({ body }) => [
    body.event,
    ...('reason' in body ? [body.reason] : []),
    ...('changed' in body ? body.changed : []),
  ])
  return [operation.toLowerCase(), ...new Set(words.length === 0 ? ['silent'] : words)].join('-')
}

/** Notes what is asked, and the answers in the words of a golden file. */
function recording(lookup: Lookup, asked: Record<string, Record<string, Row | undefined>>): Lookup {
  const note = <Answer>(table: string, id: string | null, answer: Answer | undefined, row: (known: Answer) => Row) => {
    if (id !== null && answer !== undefined) asked[table] = { ...asked[table], [id]: row(answer) }
    return answer
  }
  const named = ({ name }: { readonly name: string | null }) => ({ name })
  return {
    tool: (id) =>
      note('NEMO_tool', id, lookup.tool(id), (tool) => ({
        name: tool.name,
        parent_tool_id: tool.parentToolId === null ? null : Number(tool.parentToolId),
        operational: tool.operational,
      })),
    category: (id) => lookup.category(id),
    children: (id) => lookup.children(id),
    user: (id) =>
      note('NEMO_user', id, lookup.user(id), (user) => ({
        username: user.username,
        first_name: user.firstName,
        last_name: user.lastName,
      })),
    area: (id) => note('NEMO_area', id, lookup.area(id), named),
    project: (id) => note('NEMO_project', id, lookup.project(id), named),
    resource: (id) => note('NEMO_resource', id, lookup.resource(id), named),
    consumable: (id) => note('NEMO_consumable', id, lookup.consumable(id), named),
    interlocked: (id) =>
      note('NEMO_tool by interlock_id', id, lookup.interlocked(id), ({ toolId, name }) => ({
        id: Number(toolId),
        name,
      })),
    reservation: (id) => note('NEMO_reservation', id, lookup.reservation(id), ({ start, end }) => ({ start, end })),
  }
}
