import { inPluginWords } from '../dialect/plugin.ts'
import { payloadOf } from '../map/payload.ts'
import type { Choice, LeftOut, Sent } from './choice.ts'

/** A message that is to be queued. */
export interface WordedMessage {
  /** Of the event that it tells, the first one if it tells several; its identity depends on no dialect. */
  readonly index: number
  /** Whole, with the prefix. */
  readonly topic: string
  readonly entity: string
  readonly payload: string
  /** Our own word for what happened, whatever the message calls it. */
  readonly about: { readonly event: string; readonly time: string }
}

/** What the chosen events of one change become. */
export interface Worded {
  readonly messages: readonly WordedMessage[]
  /** Events for which the dialect has no word. */
  readonly wordless: readonly LeftOut[]
}

/**
 * Puts the chosen events of one change into the words of the laboratory's dialect. In that of the plugin several may
 * become one message, or none.
 *
 * @param idOf the event_id for an index
 */
export function wordedMessages(choice: Choice, sent: readonly Sent[], idOf: (index: number) => string): Worded {
  const asTheyAre = (some: readonly Sent[]): WordedMessage[] =>
    some.map(({ index, topic, entity, body }) => {
      return { index, topic, entity, payload: payloadOf(body, idOf(index)), about: aboutOf(body) }
    })
  if (choice.dialect === 'documented') return { messages: asTheyAre(sent), wordless: [] }
  const { texts, wordless } = inPluginWords(sent.filter(({ body }) => body.event !== 'custom'))
  const translated = texts.map(({ from: { index, body }, topic, entity, payload }) => {
    return { index, topic: `${choice.prefix}/${topic}`, entity, payload, about: aboutOf(body) }
  })
  return {
    // What the laboratory sends in its own words is sent in these, whatever the dialect.
    messages: [...translated, ...asTheyAre(sent.filter(({ body }) => body.event === 'custom'))],
    wordless: wordless.map(({ body }) => {
      const ofChild = 'parent_tool_id' in body && body.parent_tool_id !== null && /abled$/.test(body.event)
      const what = `${body.event}${ofChild ? ' of a child tool' : ''}`
      return { event: body.event, why: `the plugin’s dialect has no word for ${what}` }
    }),
  }
}

function aboutOf({ event, timestamp: time }: Sent['body']): WordedMessage['about'] {
  return { event, time }
}
