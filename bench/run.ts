import { cpus } from 'node:os'
import { measureDrain } from './drain.ts'
import { measureFlow } from './flow.ts'
import { measureLatency } from './latency.ts'
import { buildStand, forgetChanges, recordUsages, type Stand } from './stand.ts'
import { measureWriteCost } from './write-cost.ts'

const PARTS: Readonly<Record<string, (stand: Stand) => Promise<object>>> = {
  writes: async ({ client }) => {
    await recordUsages(client, 10_000)
    const write_cost = await measureWriteCost(client)
    await forgetChanges(client)
    return { write_cost }
  },
  flow: measureFlow,
  latency: measureLatency,
  drain: (stand) => measureDrain(stand, 1_000_000),
}

// `npm run bench` measures everything in one run; `npm run bench -- flow drain` only what is named.
const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS)
const unknown = chosen.filter((name) => PARTS[name] === undefined)
if (unknown.length > 0)
  throw new Error(`no such part: ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`)

const stand = await buildStand()
const { rows } = await stand.client.query<{ server_version: string }>('show server_version')
const results: object[] = [
  { machine: { cores: cpus().length, node: process.version, postgres: rows[0]?.server_version } },
]
for (const name of chosen) results.push((await PARTS[name]?.(stand)) ?? {})
await stand.close()
console.log(JSON.stringify(Object.assign({}, ...results), null, 2))
