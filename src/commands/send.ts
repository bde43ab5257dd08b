import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Redis } from 'ioredis'
import type { CommandModule } from 'yargs'
import { pause } from '../backoff.ts'
import { settingsInForce } from '../config/in-force.ts'
import { AppError, reasonOf } from '../errors.ts'
import { topicProblem } from '../publish/topic.ts'
import { KEYS } from '../queue/keys.ts'
import { parkedMessage } from '../queue/parked.ts'
import { visitRedis } from '../queue/visit.ts'
import { type ArrivedMessage, Receiver } from '../receive/receiver.ts'
import { verifyEnvelope } from '../sign/verify.ts'
import { type Print, printLine } from './terminal.ts'

/** How often Redis is asked where the event is, in milliseconds. */
const LOOK_MS = 20

/** What can be given to `nemo-mqtt send`. */
export interface SendArguments {
  topic?: string | undefined
  payload?: string | undefined
  /** Longest wait for the message to come back, in seconds. */
  timeout: number
}

/** Where an entry is that was pushed to the queue; `gone` when it is in none of the lists any more. */
type Place = 'queue' | 'in flight' | 'parked' | 'gone'

/**
 * Sends a test event the whole way: into the Redis list, as other programs add events, through the service and the
 * broker and back to a subscriber of its own.
 *
 * @returns the exit code: 1 when it got stuck; then the step is named
 * @throws AppError NEMO_MQTT_ERR_CONFIG for a topic or payload that cannot be sent
 */
export async function send(given: SendArguments, environment: NodeJS.ProcessEnv, print: Print): Promise<number> {
  const payload = payloadOf(given.payload)
  const steps = new Steps(print)
  try {
    const settings = await steps.take('the settings', () => settingsInForce(environment))
    const topic = given.topic ?? `${settings.topic_prefix}/bridge/test`
    const problem = topicProblem(topic)
    if (problem !== undefined) throw new AppError('NEMO_MQTT_ERR_CONFIG', `--topic: ${problem}`)
    const arrivals = new Arrivals(payload, settings.use_hmac ? settings.hmac_secret_key : undefined)
    const receiver = await steps.take('the subscription at the broker', () =>
      Receiver.open(settings, topic, { onMessage: (message) => arrivals.add(message), onNote: print }),
    )
    steps.done(`subscribed to ${topic} at ${settings.broker_host}:${settings.broker_port}`)
    try {
      return await visitRedis(settings, async (redis) => {
        const entry = JSON.stringify({ topic, payload, qos: 1, retain: false, timestamp: Date.now() / 1_000 })
        await redis.lpush(KEYS.queue, entry)
        steps.done(`in the Redis list ${KEYS.queue}`)
        return await follow(redis, entry, arrivals, steps, given.timeout * 1_000)
      })
    } finally {
      receiver.close()
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'NEMO_MQTT_ERR_CONFIG') throw error
    steps.stuck(error.message, error.hint)
    return 1
  }
}

/** `nemo-mqtt send`. */
export const sendCommand: CommandModule<object, SendArguments> = {
  command: 'send',
  describe: 'send a test event the whole way, and wait until it comes back over MQTT',
  builder: {
    topic: { type: 'string', describe: 'where to; {prefix}/bridge/test when missing' },
    payload: { type: 'string', describe: 'JSON; an event "test" when missing' },
    timeout: { type: 'number', default: 10, describe: 'seconds to wait' },
  },
  handler: async (given) => {
    process.exitCode = await send(given, process.env, printLine)
  },
}

async function follow(
  redis: Redis,
  entry: string,
  arrivals: Arrivals,
  steps: Steps,
  timeoutMs: number,
): Promise<number> {
  const deadline = AbortSignal.timeout(timeoutMs)
  let place: Place = 'queue'
  while (arrivals.first === undefined && place !== 'parked' && !deadline.aborted) {
    const now = await placeOf(redis, entry)
    if (now !== place && now === 'in flight') steps.done('taken by the bridge')
    if (now !== place && now === 'gone') steps.done('acknowledged by the broker')
    place = now
    await pause(LOOK_MS, AbortSignal.any([deadline, arrivals.signal]))
  }
  const { first } = arrivals
  if (first === undefined) return await explainStuck(redis, entry, place, steps)
  if (first.fault !== undefined) {
    steps.stuck(`it came back, but ${first.fault}`, 'something else publishes there, or has another key')
    return 1
  }
  steps.done(`back over MQTT${first.isSigned ? ', the signature is good' : ', not signed'}`)
  return 0
}

async function explainStuck(redis: Redis, entry: string, place: Place, steps: Steps): Promise<number> {
  switch (place) {
    case 'queue': {
      const bridge = await redis.get(KEYS.status)
      // It must not surprise anybody tomorrow; unless the bridge has taken it just now.
      const isTakenBack = (await redis.lrem(KEYS.queue, 1, entry)) > 0
      const why = bridge === null ? 'no service has said anything for 90 s' : `the bridge says: ${bridge}`
      steps.stuck(
        `it waits in the Redis list and nothing takes it: ${why}${isTakenBack ? ' (it was taken back)' : ''}`,
        bridge === 'disconnected'
          ? 'the service does not reach the broker: see its log'
          : 'see that the service runs and uses this Redis: systemctl status nemo-mqtt',
      )
      break
    }
    case 'in flight':
      steps.stuck('the bridge has it, and the broker has not acknowledged it', 'see the log of the service')
      break
    case 'parked': {
      const parked = (await redis.lrange(KEYS.parked, 0, 99)).map(parkedMessage)
      const message = parked.find(({ entryText }) => entryText === entry)
      steps.stuck(
        `it was parked: ${message?.reason ?? 'the reason is gone'}`,
        `nemo-mqtt parked drop ${message?.number ?? 'NUMBER'}`,
      )
      break
    }
    case 'gone':
      steps.stuck(
        'the broker has acknowledged it, and it did not come back',
        'the service uses another broker than this command, or the broker lets us not read or not write this topic',
      )
      break
  }
  return 1
}

// The newest of each list: ours was the newest a moment ago. Compared in Redis, so that no payloads travel.
const PLACE = `
for i, name in ipairs({'in flight', 'queue'}) do
  for _, entry in ipairs(redis.call('lrange', KEYS[i], 0, 999)) do
    if entry == ARGV[1] then return name end
  end
end
for _, parked in ipairs(redis.call('lrange', KEYS[3], 0, 99)) do
  if string.find(parked, ARGV[2], 1, true) then return 'parked' end
end
return 'gone'
`

async function placeOf(redis: Redis, entry: string): Promise<Place> {
  const inParked = JSON.stringify(entry).slice(1, -1)
  return (await redis.eval(PLACE, 3, KEYS.inFlight, KEYS.queue, KEYS.parked, entry, inParked)) as Place
}

/** What came back of the event that was sent. */
interface Arrival {
  readonly isSigned: boolean
  /** Why it must not be believed; undefined when it is as it should be. */
  readonly fault: string | undefined
}

class Arrivals {
  /** The first arrival. */
  first: Arrival | undefined
  readonly #payload: string
  readonly #secret: string | undefined
  readonly #arrived = new AbortController()

  /** @param secret the key with which messages are signed; undefined when they are not */
  constructor(payload: string, secret: string | undefined) {
    this.#payload = payload
    this.#secret = secret
  }

  /** Aborts at the first arrival. */
  get signal(): AbortSignal {
    return this.#arrived.signal
  }

  add({ text, retain }: ArrivedMessage): void {
    if (retain || this.first !== undefined) return
    const arrival = this.#judge(text)
    if (arrival === undefined) return
    this.first = arrival
    this.#arrived.abort()
  }

  #judge(text: string): Arrival | undefined {
    const verdict = verifyEnvelope(text, this.#secret ?? '')
    if (verdict.state === 'none') {
      if (text !== this.#payload) return undefined
      return { isSigned: false, fault: this.#secret === undefined ? undefined : 'it is not signed' }
    }
    if (verdict.payload !== this.#payload) return undefined // somebody else's
    if (this.#secret === undefined)
      return { isSigned: true, fault: 'it is signed, and the settings say that it is not' }
    return { isSigned: true, fault: verdict.state === 'bad' ? verdict.why : undefined }
  }
}

/** Prints each step with the milliseconds since the beginning. */
class Steps {
  readonly #print: Print
  readonly #since = performance.now()
  #current = ''

  constructor(print: Print) {
    this.#print = print
  }

  done(what: string): void {
    this.#current = ''
    this.#print(`${this.#elapsed()}  ${what}`)
  }

  stuck(why: string, hint: string | undefined): void {
    this.#print(`${this.#elapsed()}  STUCK${this.#current === '' ? '' : ` at ${this.#current}`}: ${why}`)
    if (hint !== undefined) this.#print(`${' '.repeat(10)}Try: ${hint}`)
  }

  async take<T>(what: string, act: () => Promise<T>): Promise<T> {
    this.#current = what
    return await act()
  }

  #elapsed(): string {
    return `${(performance.now() - this.#since).toFixed(0).padStart(6)} ms`
  }
}

function payloadOf(given: string | undefined): string {
  if (given === undefined) {
    const body = {
      event: 'test',
      host: hostname(),
      timestamp: new Date().toISOString(),
      event_id: `test-${randomUUID()}`,
    }
    return JSON.stringify(body)
  }
  try {
    JSON.parse(given)
    return given
  } catch (error) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', `--payload is not JSON: ${reasonOf(error)}`)
  }
}
