import type { KnownChange } from '../archive/one-change.ts'
import type { LoggedMessage } from '../archive/record.ts'
import { parseChange } from '../capture/change-log.ts'
import { AppError } from '../errors.ts'
import type { ShownTrace, ShownWay } from './shown.ts'
import { type Clean, meaningOf, NOTHING, shownChange } from './shown-trace.ts'

const NOT_IN_MEMORY =
  'It is not in memory: the service keeps the last 500 changes since its start. The times of each stage are kept nowhere else.'
const NO_VALUES = 'Old and new values are kept in memory only, so they are not known any more.'
const LOG_OFF =
  'What was delivered is not kept: NEMO_MQTT_LOG_MESSAGES=true (log_messages in a stored configuration) would keep it.'
const NOT_IN_LOG = 'The message log does not have it either: it was not on then, or has been trimmed since.'

/** A change that memory has lost: what PostgreSQL still knows of it, and honestly what nobody knows any more. */
export function shownLostChange(
  id: string,
  known: KnownChange | undefined,
  { isLogOn, clean }: { readonly isLogOn: boolean; readonly clean: Clean },
): ShownTrace {
  if (known === undefined) {
    return { ...NOTHING, change: id, notes: [NOT_IN_MEMORY, 'PostgreSQL does not answer, so nobody can be asked.'] }
  }
  const { logged, messages } = known
  const ways = messages.filter(({ outcome }) => outcome !== 'silent').map(shownWay)
  const silent = messages.find(({ outcome }) => outcome === 'silent')?.reason ?? null
  const [first] = messages
  const isLogged = first !== undefined
  const notes = [NOT_IN_MEMORY]
  if (logged === undefined) notes.push(NO_VALUES)
  else if (logged.reason !== null)
    notes.push(`It was set aside, because no rule understands it: ${clean(logged.reason)}`)
  else notes.push('It waits in the change log of PostgreSQL, or was delivered a moment ago.')
  if (!isLogged && logged === undefined) notes.push(isLogOn ? NOT_IN_LOG : LOG_OFF)
  return {
    ...NOTHING,
    change: id,
    from: logged !== undefined ? 'change log' : isLogged ? 'message log' : 'nowhere',
    table: first?.table ?? null,
    row: first?.row ?? null,
    ...(logged === undefined ? {} : readable(logged, clean)),
    messages: ways,
    silent: silent === null ? null : clean(silent),
    notes,
  }
}

function readable(logged: NonNullable<KnownChange['logged']>, clean: Clean): Partial<ShownTrace> {
  try {
    return shownChange(parseChange(logged), clean)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const { table, operation, at } = logged // its row is what could not be understood
    return { table, operation, at, atMs: Date.parse(at) }
  }
}

function shownWay({ at, event, topic, outcome, reason }: LoggedMessage, index: number): ShownWay {
  return {
    index,
    event,
    meaning: meaningOf(event),
    topic,
    queuedAt: null,
    takenAt: null,
    sentAt: null,
    answeredAt: at.getTime(),
    attempts: 0,
    outcome: outcome === 'silent' ? 'delivered' : outcome,
    why: reason,
  }
}
