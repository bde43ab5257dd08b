import type { Pool } from 'pg'
import { type LoggedChange, parseChange } from '../capture/change-log.ts'
import { NameLookup } from '../capture/lookup.ts'
import { allEventsOf } from '../choose/all-events.ts'
import { choiceOf } from '../choose/choice.ts'
import type { ChoiceSettings } from '../choose/choice-settings.ts'
import { nameFormatOf } from '../choose/names.ts'
import { wordedMessages } from '../choose/worded.ts'
import type { Queryable } from '../db/database.ts'
import { findNemoSchema } from '../db/nemo.ts'
import { AppError } from '../errors.ts'
import { compareDigits } from '../map/history.ts'
import { whySilent } from '../map/silence.ts'
import { subjectOf } from './record.ts'
import { messagesOfRow } from './store.ts'

/** What became, or will become, of one change of a row. */
export interface Fate {
  /** RFC 3339. */
  readonly at: string
  /** Digits; null when it is not known. */
  readonly change: string | null
  readonly state: 'waiting' | 'unmapped' | 'delivered' | 'unheard' | 'parked' | 'silent'
  /** What happened, for people. */
  readonly what: string
}

/** What is asked about. */
export interface RowQuestion {
  readonly table: string
  /** Digits. */
  readonly row: string
  /** Newest changes of each kind. */
  readonly limit: number
  /** What is sent, and on which topics. */
  readonly settings: ChoiceSettings
}

const COLUMNS = `id::text, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, tbl as "table",
       op as operation, old::text, new::text`
// Spelt as in the index change_log_names.
const OF_ROW = `tbl = $1 and ((coalesce(old, new) ->> 'id') = $2 or op = 'TRUNCATE')`

/**
 * The last changes of a row and what became of each, oldest first: from the message log, the changes that were set
 * aside, and the change log, whose changes are mapped as the service will map them.
 *
 * @throws the driver's error
 */
export async function fatesOf(pool: Pool, question: RowQuestion): Promise<Fate[]> {
  const { table, row, limit } = question
  const logged = await messagesOfRow(pool, table, row, limit)
  const unmapped = await pool.query<{ id: string; at: Date; reason: string }>(
    `select id::text, at, reason from nemo_mqtt.unmapped where ${OF_ROW} order by unmapped.id desc limit $3`,
    [table, row, limit],
  )
  const waiting = await waitingChanges(pool, question)
  const known = new Set(logged.map(({ change }) => change))
  const fates: Fate[] = [
    ...logged.map(({ at, change, outcome, event, topic, reason }): Fate => {
      const what = [event, topic === null ? null : `on ${topic}`, reason].filter((part) => part !== null).join(' ')
      return { at: at.toISOString(), change, state: outcome, what }
    }),
    ...unmapped.rows.map(({ id, at, reason }): Fate => {
      return { at: at.toISOString(), change: id, state: 'unmapped', what: `set aside: ${reason}` }
    }),
    // Delivered already, and not deleted yet.
    ...(await mapWaiting(pool, waiting, question)).filter(({ change }) => !known.has(change)),
  ]
  return inOrder(fates).slice(-limit)
}

/** Columns of a table whose changes are never captured. @throws the driver's error */
export async function noiseOf(client: Queryable, table: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ noise: string[] }>('select noise from nemo_mqtt.watched_table where tbl = $1', [
    table,
  ])
  return rows[0]?.noise ?? []
}

async function waitingChanges(client: Queryable, { table, row, limit }: RowQuestion): Promise<LoggedChange[]> {
  const { rows } = await client.query<LoggedChange & Record<string, unknown>>(
    `select ${COLUMNS} from nemo_mqtt.change_log where ${OF_ROW} order by change_log.id desc limit $3`,
    [table, row, limit],
  )
  return rows.reverse()
}

async function mapWaiting(pool: Pool, logged: readonly LoggedChange[], question: RowQuestion): Promise<Fate[]> {
  if (logged.length === 0) return []
  const lookup = new NameLookup(pool, await findNemoSchema(pool), {
    nameFormat: () => nameFormatOf(question.settings),
    withCategories: () => choiceOf(question.settings).needsCategories,
    onProblem: () => undefined, // a name that is missing changes nothing here
  })
  const fates: Fate[] = []
  for (const one of logged) fates.push(await mapOne(one, lookup, question.settings))
  return fates
}

async function mapOne(logged: LoggedChange, lookup: NameLookup, settings: ChoiceSettings): Promise<Fate> {
  const { id: change, at, operation } = logged
  const waits = (what: string): Fate => ({ at, change, state: 'waiting', what: `${operation} ${what}` })
  try {
    const parsed = parseChange(logged)
    const names = (await lookup.forBatch([parsed]))(parsed)
    const choice = choiceOf(settings)
    const events = allEventsOf(parsed, names, choice)
    if (events.length === 0) return waits(`will become no message: ${whySilent(parsed)}`)
    const { sent, leftOut } = choice.choose(events, (toolId) => names.category(toolId))
    const { messages, wordless } = wordedMessages(choice, sent, String)
    const omitted = [...leftOut.map(({ event, why }) => `${event} is ${why}`), ...wordless.map(({ why }) => why)].join(
      '; ',
    )
    if (messages.length === 0) return waits(`will become no message: ${omitted}`)
    const become = messages.map(({ topic, payload }) => `${subjectOf(payload).event} on ${topic}`).join(', then ')
    return waits(`will become ${become}${omitted === '' ? '' : `; ${omitted}`}`)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return waits(`will be set aside: ${error.message}`)
  }
}

/**
 * By time, except that changes come in the order of their ids: for one row that is the order of commits, while the
 * time in the message log is that of the delivery.
 */
function inOrder(fates: readonly Fate[]): Fate[] {
  const byTime = [...fates].sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0))
  const changes = byTime
    .filter(({ change }) => change !== null)
    .sort((one, other) => compareDigits(one.change ?? '', other.change ?? ''))
  return byTime.map((fate) => (fate.change === null ? fate : (changes.shift() ?? fate)))
}
