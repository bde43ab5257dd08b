import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { type PluginFields, pluginFault } from '../../src/shadow/faults.ts'
import { readKnownRow } from '../../src/shadow/known-rows.ts'
import { Match } from '../../src/shadow/match.ts'
import type { ToldMessage } from '../../src/shadow/told.ts'
import { openEnvelope } from '../../src/sign/verify.ts'
import { alignment } from './alignment.ts'
import { liveThrough, SECRET } from './day.ts'
import { KIT, RELEASES, reasonToSkip } from './kit.ts'

/** What the Python plugin 1.0.0 really sent for the day, one message a line. */
const RECORDED = join(KIT, '..', 'plugin-day.jsonl')

const skip = reasonToSkip()
if (skip === false && !existsSync(RECORDED)) throw new Error(`there is no ${RECORDED}`)
t.setTimeout(900_000)

/** A message on the wire; `step` is known of those of the plugin. */
interface Told {
  readonly topic: string
  readonly text: string
  readonly step: string
  /** When the row changed, in UTC; empty for those of the plugin. */
  readonly at: string
}

// A line is what Python's json.dumps made, and so is the payload in it, byte for byte.
const recorded = (): Told[] =>
  readFileSync(RECORDED, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { topic, step, qos, retain } = JSON.parse(line) as {
        topic: string
        step: string
        qos: number
        retain: number
      }
      if (qos !== 1 || retain !== 0) throw new Error(`another quality of service: ${line}`)
      return { topic, step, at: '', text: /"payload": (\{.*\})\}$/.exec(line)?.[1] ?? '' }
    })

const TIME = /"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?[+-]\d\d:\d\d"/g
const OUR_TIME = /^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00"$/
const shape = ({ topic, text }: Told): string => `${topic} ${text.replace(TIME, '"<time>"')}`
const entity = ({ topic }: Told): string => topic.split('/').slice(0, 3).join('/')
const pythonDumps = (texts: readonly string[]): string[] => {
  const script = 'import json, sys\nfor line in sys.stdin: print(json.dumps(json.loads(line)))'
  return execFileSync('python3', ['-c', script], { input: texts.join('\n'), encoding: 'utf8' })
    .trim()
    .split('\n')
}

t.test(
  'a day on NEMO 8.1.5 in the words of the plugin is what the plugin sent, its faults aside',
  { skip },
  async (t) => {
    const day = await liveThrough(t, 'day_newest_plugin', {
      release: RELEASES.newest,
      mqttVersion: '5',
      secret: SECRET,
      dialect: 'plugin',
    })
    const wire = day.recording.messages().filter(({ topic }) => !topic.startsWith('nemo/bridge/'))
    t.ok(
      wire.every(({ qos, retain }) => qos === 1 && retain === 0),
      'QoS 1, not retained',
    )
    t.strictSame(
      wire.map(({ payload }) => payload),
      pythonDumps(wire.map(({ payload }) => payload)),
      'envelopes as Python writes them',
    )
    const ours = wire.map(({ topic, payload, properties }): Told => {
      const at = properties?.['user-properties']?.time ?? ''
      return { topic, step: '', at, text: openEnvelope(payload, SECRET) ?? '' }
    })
    t.ok(
      ours.flatMap(({ text }) => text.match(TIME) ?? []).every((time) => OUR_TIME.test(time)),
      'times as Python writes those of a database',
    )
    const theirs = recorded()
    const blind = blindSteps(readFileSync(day.ledger, 'utf8'), theirs)
    const isUnseen = ({ at }: Told): boolean => blind.some(({ from, until }) => from <= at && at <= until)
    const seen = ours.filter((one) => !isUnseen(one))
    const client = new pg.Pool({ connectionString: day.databaseUrl, max: 1 })
    client.on('error', () => undefined) // the query fails with it
    const faults = new Map<string, number>()
    const unexplained: Told[] = []
    const tooMany: Told[] = []
    let same = 0
    try {
      for (const name of new Set([...seen, ...theirs].map(entity))) {
        const of = (all: readonly Told[]): Told[] => all.filter((one) => entity(one) === name)
        const found = alignment(of(theirs), of(seen), (one, other) => shape(one) === shape(other))
        same += found.both.length
        tooMany.push(...found.onlySecond)
        for (const left of found.onlyFirst) {
          const fault = await faultOf(client, left, of(theirs))
          if (fault === undefined) unexplained.push(left)
          else faults.set(fault, (faults.get(fault) ?? 0) + 1)
        }
      }
    } finally {
      await client.end()
    }
    t.comment(`${same} of ${theirs.length} messages; ${ours.length - seen.length} that the plugin could not see`)
    t.strictSame(unexplained, [], 'whatever is left out, the plugin told by one of its faults')
    t.strictSame(tooMany, [], 'whatever is told, the plugin told too, in this order for each tool, area and the rest')
    t.strictSame(Object.fromEntries(faults), FAULTS)
    t.equal(same, 50)
    t.equal(ours.length - seen.length, 6, 'tools switched, named by SQL: the plugin sees only what Django saves')
  },
)

/** How often each of the plugin's faults is in its recording. */
const FAULTS = {
  'a row was saved and nothing that the message tells had changed': 7,
  'a usage that was over was saved again': 4,
  'a record for billing, which is no visit': 1,
}

/** Steps of which the plugin sent nothing, because nothing was saved through a model: when each was. */
function blindSteps(ledger: string, theirs: readonly Told[]): { from: string; until: string }[] {
  const steps = ledger
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: string; at: string; done: string })
  return steps
    .filter(({ step }) => theirs.every((one) => one.step !== step))
    .map(({ at, done }) => ({ from: at, until: done }))
}

/** By which fault the plugin sent a message: from what it told before, and from NEMO's tables. */
async function faultOf(client: pg.Pool, message: Told, all: readonly Told[]): Promise<string | undefined> {
  const told = ({ topic, text }: Told): ToldMessage => {
    return { topic: topic.slice('nemo/'.length), text, fields: JSON.parse(text) as PluginFields }
  }
  const one = told(message)
  const match = new Match()
  for (const before of all.slice(0, all.indexOf(message)).map(told)) match.note(before)
  const found = await readKnownRow(client, 'public', one, new Date(0))
  return pluginFault(one.fields, { ...found, exists: true, ...match.known(one) })
}
