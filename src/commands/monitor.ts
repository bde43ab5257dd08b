import type { CommandModule } from 'yargs'
import { pause } from '../backoff.ts'
import { redisSettings } from '../config/environment.ts'
import { settingsInForce } from '../config/in-force.ts'
import { AppError } from '../errors.ts'
import { decodeEntry, type Entry } from '../queue/entry.ts'
import { KEYS } from '../queue/keys.ts'
import { visitRedis } from '../queue/visit.ts'
import { Receiver } from '../receive/receiver.ts'
import { filterPattern } from '../receive/topic-filter.ts'
import { untilInterrupted } from '../shutdown.ts'
import { verifyEnvelope } from '../sign/verify.ts'
import { type Print, printLine, printNote } from './terminal.ts'

/** How often the list in Redis is looked at, in milliseconds. */
const POLL_MS = 200

/** What can be given to `nemo-mqtt monitor`. */
export interface MonitorArguments {
  source: 'redis' | 'mqtt'
  topic?: string | undefined
  json?: boolean | undefined
}

/** One message as the monitor shows it. */
interface Shown {
  /** RFC 3339; from Redis when it was queued, from MQTT when it arrived. Null when nobody said so. */
  readonly time: string | null
  readonly topic: string
  readonly payload: string
  /** From MQTT only: `none` is no envelope, or no key to check it with. */
  readonly signature?: 'good' | 'bad' | 'none'
  /** What is wrong with the signature. */
  readonly why?: string
}

/**
 * Shows messages as they pass, until the signal aborts.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG, _DATABASE, _REDIS, _BROKER
 */
export async function monitor(
  given: MonitorArguments,
  environment: NodeJS.ProcessEnv,
  print: Print,
  note: Print,
  signal: AbortSignal,
): Promise<number> {
  const show = (shown: Shown): void => print(given.json === true ? JSON.stringify(shown) : lineOf(shown))
  if (given.source === 'redis') await fromRedis(given, environment, show, note, signal)
  else await fromMqtt(given, environment, show, note, signal)
  return 0
}

/** `nemo-mqtt monitor`. */
export const monitorCommand: CommandModule<object, MonitorArguments> = {
  command: 'monitor',
  describe: 'show messages as they pass, until Ctrl-C',
  builder: {
    source: {
      choices: ['redis', 'mqtt'] as const,
      default: 'redis' as const,
      describe: 'redis: what was delivered, the last 100 first; mqtt: what arrives at a subscriber, verified',
    },
    topic: { type: 'string', describe: 'topic filter, with + and #; everything below the prefix when missing' },
    json: { type: 'boolean', describe: 'as JSON, one a line' },
  },
  handler: async (given) => {
    process.exitCode = await monitor(given, process.env, printLine, printNote, untilInterrupted())
  },
}

async function fromRedis(
  { topic }: MonitorArguments,
  environment: NodeJS.ProcessEnv,
  show: (shown: Shown) => void,
  note: Print,
  signal: AbortSignal,
): Promise<void> {
  const pattern = new RegExp(topic === undefined ? '' : filterPattern(topic))
  await visitRedis(redisSettings(environment), async (redis) => {
    let before: string[] = []
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const now = await redis.lrange(KEYS.monitor, 0, -1)
      const { fresh, isCut } = newIn(now, before)
      if (isCut && !isFirst) note('more was delivered than the list holds: some messages are not shown')
      for (const text of fresh) {
        const entry = readEntry(text)
        if (entry === undefined || !pattern.test(entry.topic)) continue
        const time = entry.queuedAt === null ? null : new Date(entry.queuedAt * 1_000).toISOString()
        show({ time, topic: entry.topic, payload: entry.payload })
      }
      before = now
      await pause(POLL_MS, signal)
    }
  })
}

/**
 * What came to a list since it was seen, oldest first; both lists begin with the newest. When nothing of the former
 * list is left, some may have come and gone in between.
 */
export function newIn(now: readonly string[], before: readonly string[]): { fresh: string[]; isCut: boolean } {
  let count = 0
  while (count < now.length && !isPartOf(now, count, before)) count += 1
  return { fresh: now.slice(0, count).reverse(), isCut: count > 0 && count === now.length && before.length > 0 }
}

function isPartOf(now: readonly string[], from: number, before: readonly string[]): boolean {
  const length = now.length - from
  if (length > before.length) return false
  for (let index = 0; index < length; index += 1) if (now[from + index] !== before[index]) return false
  return true
}

function readEntry(text: string): Entry | undefined {
  try {
    return decodeEntry(text)
  } catch (error) {
    if (error instanceof AppError) return undefined // put there by another program
    throw error
  }
}

async function fromMqtt(
  { topic }: MonitorArguments,
  environment: NodeJS.ProcessEnv,
  show: (shown: Shown) => void,
  note: Print,
  signal: AbortSignal,
): Promise<void> {
  const settings = await settingsInForce(environment)
  const filter = topic ?? `${settings.topic_prefix}/#`
  filterPattern(filter) // says what is wrong with it; a broker would hang up
  const { hmac_secret_key: secret } = settings
  if (secret === '') note('no key is set (NEMO_MQTT_HMAC_SECRET_KEY), so signatures are not checked')
  const receiver = await Receiver.open(settings, filter, {
    onNote: note,
    onMessage: ({ topic, text, at }) => {
      const time = at.toISOString()
      const verdict = secret === '' ? undefined : verifyEnvelope(text, secret)
      if (verdict === undefined || verdict.state === 'none') show({ time, topic, payload: text, signature: 'none' })
      else if (verdict.state === 'good') show({ time, topic, payload: verdict.payload, signature: 'good' })
      else show({ time, topic, payload: text, signature: 'bad', why: verdict.why })
    },
  })
  note(`listening to ${filter} at ${settings.broker_host}:${settings.broker_port}`)
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  receiver.close()
}

function lineOf({ time, topic, payload, signature, why }: Shown): string {
  const mark = signature === undefined ? '' : why === undefined ? signature : `${signature} (${why})`
  return [time ?? '-', mark, topic, payload].filter((part) => part !== '').join('  ')
}
