import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import { AppError, reasonOf } from '../errors.ts'
import { decodeEntry, type Entry, notText } from './entry.ts'
import { KEYS } from './keys.ts'

/** Digits of the number by which people call a parked message: enough for 10,000 of them. */
const NUMBER_DIGITS = 10
/** Messages that one script moves. */
const AT_ONCE = 100

/** A message that was set aside, as it lies in the list. */
export interface ParkedMessage {
  /** Made of its content, so it stays the same whatever is added or taken away. */
  readonly number: string
  /** What stands in the list. */
  readonly text: string
  /** The text of the entry; null when it was not put there by us. */
  readonly entryText: string | null
  /** The entry; null when it cannot be read, which is why it was parked then. */
  readonly entry: Entry | null
  readonly reason: string
  /** How often it was sent. */
  readonly attempts: number
  /** RFC 3339 time, or `unknown`. */
  readonly time: string
}

/** All parked messages, oldest first. */
export async function readParked(redis: Redis): Promise<ParkedMessage[]> {
  return (await redis.lrange(KEYS.parked, 0, -1)).reverse().map(parkedMessage)
}

/**
 * Shows them part by part, oldest first: a list of large messages need not be in memory as a whole. What is parked
 * meanwhile comes last.
 *
 * @param look gives how many of the part it has taken out of the list; undefined when it has seen enough
 */
export async function eachPart(
  redis: Redis,
  look: (part: readonly ParkedMessage[]) => Promise<number | undefined> | number | undefined,
): Promise<void> {
  for (let last = -1; ; ) {
    const texts = await redis.lrange(KEYS.parked, last - AT_ONCE + 1, last)
    if (texts.length === 0) return
    const taken = await look(texts.reverse().map(parkedMessage))
    if (taken === undefined) return
    last -= texts.length - taken
  }
}

/** Reads one item of the parked list. Never throws: other programs can write there. */
export function parkedMessage(text: string): ParkedMessage {
  const number = createHash('sha256').update(text).digest('hex').slice(0, NUMBER_DIGITS)
  const nothing = { number, text, entryText: null, entry: null, attempts: 0, time: 'unknown' }
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    return { ...nothing, reason: NOT_OURS }
  }
  const { entry, reason, attempts, time } = (found ?? {}) as Record<string, unknown>
  if (typeof entry !== 'string' || typeof reason !== 'string') return { ...nothing, reason: NOT_OURS }
  return {
    number,
    text,
    entryText: entry,
    entry: reason === NOT_TEXT ? null : readEntry(entry), // its bytes are lost, and another text was never meant
    reason,
    attempts: typeof attempts === 'number' ? attempts : 0,
    time: typeof time === 'string' ? time : 'unknown',
  }
}

/**
 * The one that people mean by a number, or by its first digits.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG when there is none, or more than one
 */
export function chooseParked(all: readonly ParkedMessage[], number: string): ParkedMessage {
  const found = all.filter((message) => message.number.startsWith(number.toLowerCase()))
  const [first] = found
  const hint = 'nemo-mqtt parked list shows the numbers'
  if (first === undefined || number === '') {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', `no message with number "${number}" is parked (any more)`, { hint })
  }
  // Equal content is the same message twice: whichever is meant, it makes no difference.
  if (found.some((message) => message.text !== first.text)) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', `"${number}" begins the number of ${found.length} messages`, { hint })
  }
  return first
}

/** Those whose reason holds a text, in whatever case; all of them without one. */
export function withReason(messages: readonly ParkedMessage[], part: string | undefined): ParkedMessage[] {
  return messages.filter(({ reason }) => part === undefined || reason.toLowerCase().includes(part.toLowerCase()))
}

// Redis runs a script as a whole, so a message is in one of the lists at any time, whatever the bridge does meanwhile.
const RETRY = `
local moved = 0
for i = 1, #ARGV, 2 do
  if redis.call('lrem', KEYS[1], -1, ARGV[i]) > 0 then
    redis.call('lpush', KEYS[2], ARGV[i + 1])
    moved = moved + 1
  end
end
return moved
`

const DROP = `
local dropped = 0
for i = 1, #ARGV do dropped = dropped + redis.call('lrem', KEYS[1], -1, ARGV[i]) end
return dropped
`

/**
 * Moves messages back to the queue, behind everything that is there, in the order given. Each is moved as a whole or,
 * when it is not parked any more, not at all. What cannot be read stays.
 *
 * @returns how many were moved
 */
export async function retryParked(redis: Redis, messages: readonly ParkedMessage[]): Promise<number> {
  const pairs = messages.flatMap(({ text, entry }) => (entry === null ? [] : [text, encodeAgain(entry)]))
  return await inParts(pairs, 2 * AT_ONCE, (part) => redis.eval(RETRY, 2, KEYS.parked, KEYS.queue, ...part))
}

/** Takes messages out of the parked list for good. Returns how many. */
export async function dropParked(redis: Redis, messages: readonly ParkedMessage[]): Promise<number> {
  const texts = messages.map(({ text }) => text)
  return await inParts(texts, AT_ONCE, (part) => redis.eval(DROP, 1, KEYS.parked, ...part))
}

// Without its origin: its change was settled when it was parked, and an entry whose change is gone from the log counts
// as delivered, so the next start would remove it. The event_id is in the payload and stays.
function encodeAgain({ topic, payload, retain }: Entry): string {
  return JSON.stringify({ topic, payload, qos: 1, retain, timestamp: Date.now() / 1_000 })
}

async function inParts(
  values: readonly string[],
  size: number,
  run: (part: readonly string[]) => Promise<unknown>,
): Promise<number> {
  let sum = 0
  for (let next = 0; next < values.length; next += size) sum += Number(await run(values.slice(next, next + size)))
  return sum
}

const NOT_TEXT = notText().message
const NOT_OURS = 'it was put there by another program'

function readEntry(text: string): Entry | null {
  try {
    return decodeEntry(text)
  } catch (error) {
    if (error instanceof AppError) return null // why, the reason says
    throw new Error(reasonOf(error), { cause: error })
  }
}
