import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

/** The schemas as they are shipped. */
const FOLDER = fileURLToPath(new URL('../schemas', import.meta.url))
/** What has such an id claims to be an event of ours. */
const EVENT_ID = /^[0-9a-z]+-\d+-\d+$/
/** Messages of the laboratory's own, of which the contract says nothing; every test has them below this. */
const OWN = /\/own\//
/** Messages that are no events, by their topics. */
const STATES = [
  [/\/tools\/\d+\/state$/, 'tool_state'],
  [/\/areas\/\d+\/state$/, 'area_state'],
  [/\/tools\/overall$/, 'tools_overall'],
  [/\/tools\/\d+\/snapshot$/, 'tool_snapshot'],
  [/\/areas\/\d+\/snapshot$/, 'area_snapshot'],
] as const
/** Faults that are told one by one; more say nothing new. */
const MOST_TOLD = 20

const faults: string[] = []
let validators: ReadonlyMap<string, ValidateFunction> | undefined

/**
 * Holds a message against the contract, signed or not. Whoever breaks it ends this process with a failure, whatever
 * else it was looking at: a message that no schema allows is wrong in every test.
 */
export function holdAgainstContract(topic: string, parsed: unknown): void {
  if (OWN.test(topic)) return
  const event = inside(parsed)
  const state = 'display' in (event ?? {}) ? 'tool_display' : STATES.find(([pattern]) => pattern.test(topic))?.[1]
  if (event === undefined || (state === undefined && !EVENT_ID.test(String(event.event_id)))) return
  validators ??= readValidators()
  const validate = validators.get(state ?? String(event.event))
  if (validate?.(event) === true) return
  const why = validate?.errors?.map(({ instancePath, message }) => `${instancePath} ${message}`) ?? ['no such event']
  faults.push(`${topic}: ${why.join('; ')}: ${JSON.stringify(event).slice(0, 500)}`)
  if (faults.length === 1) process.once('exit', tell)
}

function tell(): void {
  process.stderr.write(`${faults.length} messages break the contract:\n  ${faults.slice(0, MOST_TOLD).join('\n  ')}\n`)
  process.exitCode = 1
}

function inside(parsed: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const fields = parsed as Readonly<Record<string, unknown>>
  if (typeof fields.hmac !== 'string' || typeof fields.payload !== 'string') return fields
  try {
    return inside(JSON.parse(fields.payload))
  } catch {
    return undefined // no JSON inside, so no event
  }
}

function readValidators(): ReadonlyMap<string, ValidateFunction> {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true })
  const names = readdirSync(FOLDER).filter((name) => name !== 'asyncapi.json')
  const read = (name: string): object => JSON.parse(readFileSync(`${FOLDER}/${name}`, 'utf8')) as object
  return new Map(names.map((name) => [name.replace('.json', ''), ajv.compile(read(name))]))
}
