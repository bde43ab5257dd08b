import type { EventBody } from '../event.ts'
import { type NameFormat, namePerson } from '../map/person.ts'
import { choiceOf } from './choice.ts'
import { CHOICE_DEFAULTS, type ChoiceSettings } from './choice-settings.ts'
import { nameFormatOf } from './names.ts'
import { CHOICE_RULES } from './problems.ts'
import { publishedEvent } from './standard-event.ts'
import { toolOf } from './values.ts'
import { wordedMessages } from './worded.ts'

/** A message that was sent, from the message log or the monitor list. */
export interface RecentMessage {
  readonly topic: string
  /** What is inside the envelope. */
  readonly payload: string
}

/** What a message would be. */
export interface PreviewedMessage {
  /** Null for what is no event of ours; such an entry of another program is sent as it is. */
  readonly event: string | null
  readonly isSent: boolean
  /** The filter that leaves it out, and by which part; null when it is sent. */
  readonly why: string | null
  /** Null when it is left out. */
  readonly topic: string | null
  /** Null when it is left out. */
  readonly payload: string | null
  /** What is not known here and could change the answer; null when all is known. */
  readonly doubt: string | null
}

/** What some settings would make of recent messages. */
export interface Preview {
  /** What is wrong with the settings; each of these counts as its default in the messages. */
  readonly problems: ReadonlyArray<{ readonly name: keyof ChoiceSettings; readonly problem: string }>
  readonly messages: readonly PreviewedMessage[]
}

/**
 * Shows what settings would make of recent messages. Depends on its arguments alone.
 *
 * @param categories of tools, by the digits of their ids, as far as they are known beside what the messages say
 */
export function previewOf(
  settings: ChoiceSettings,
  recent: readonly RecentMessage[],
  categories: ReadonlyMap<string, string | null> = new Map(),
): Preview {
  const problems = CHOICE_RULES.flatMap(([name, rule]) => {
    const problem = rule(settings)
    return problem === undefined ? [] : [{ name, problem }]
  })
  const broken = Object.fromEntries(problems.map(({ name }) => [name, CHOICE_DEFAULTS[name]]))
  const usable: ChoiceSettings = { ...settings, ...broken }
  const known = new Map(categories)
  for (const { payload } of recent) noteCategory(payload, known)
  return { problems, messages: recent.map((message) => previewed(message, usable, known)) }
}

function previewed(
  { topic, payload }: RecentMessage,
  settings: ChoiceSettings,
  categories: ReadonlyMap<string, string | null>,
): PreviewedMessage {
  const event = publishedEvent(payload)
  if (event === undefined) return { event: null, isSent: true, why: null, topic, payload, doubt: null }
  const choice = choiceOf(settings)
  const named = { ...event, body: renamed(event.body, nameFormatOf(settings)) }
  const { sent, leftOut } = choice.choose([named], (toolId) => categories.get(toolId) ?? null)
  const { messages, wordless } = wordedMessages(choice, sent, () => event.eventId)
  const tool = toolOf(event)
  const [one] = messages
  const [why = null] = [...leftOut, ...wordless].map((left) => left.why)
  const isDecided = why !== null && !why.startsWith('left out by category_filter')
  const isUnsure = choice.needsCategories && tool !== undefined && !categories.has(tool.id) && !isDecided
  const doubt = isUnsure ? `the category of tool ${tool.id} is not known here, and the settings depend on it` : null
  return {
    event: event.body.event,
    isSent: one !== undefined,
    why,
    topic: one?.topic ?? null,
    payload: one?.payload ?? null,
    doubt,
  }
}

/** Names people as the settings want them, as far as the message of another day has their names. */
function renamed(body: EventBody, format: NameFormat): EventBody {
  if (!('user_name' in body) || !('username' in body)) return body
  const { username, first_name: firstName, last_name: lastName } = body
  const isNamed = username !== null || firstName !== null || lastName !== null
  const person = namePerson({ username, firstName, lastName }, format)
  const shown = isNamed ? person.shown : format === 'none' ? null : body.user_name
  const parts = { username: person.username, first_name: person.firstName, last_name: person.lastName }
  if (!('operator_name' in body)) return { ...body, user_name: shown, ...parts } as EventBody
  // Of the operator a message has one text only: of somebody else than the user it stays, unless names are not wanted.
  const isSame = isNamed && body.operator_id === body.user_id
  const operator = isSame ? shown : format === 'none' ? null : initialsOr(body.operator_name, format)
  return { ...body, user_name: shown, operator_name: operator, ...parts } as EventBody
}

function initialsOr(name: string | null, format: NameFormat): string | null {
  if (format !== 'initials' || name === null) return name
  const [firstName = '', lastName = ''] = [/^\S*/.exec(name)?.[0], / (\S+)$/.exec(name)?.[1]]
  return namePerson({ username: null, firstName, lastName }, 'initials').shown
}

function noteCategory(payload: string, known: Map<string, string | null>): void {
  const body = publishedEvent(payload)?.body
  if (body !== undefined && 'category' in body && 'visible' in body && body.parent_tool_id === null) {
    known.set(String(body.tool_id), body.category)
  }
}
