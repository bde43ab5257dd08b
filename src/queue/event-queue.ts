import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { AppError, codeOf, reasonOf } from '../errors.ts'
import { createRedis, type RedisPlace, redisTlsTrouble } from './connect.ts'
import { BOUNDS, COMMANDS, KEYS } from './keys.ts'
import { CLAIM, GIVE_BACK, PARK, PUSH, REMOVE, SAY_STATUS, TURN } from './scripts.ts'

const PAGE = 1_000
/** How long a status holds, in seconds. */
const STATUS_S = 90

/**
 * The queue between listener and bridge: a list in Redis, and beside it the list of what is in flight.
 *
 * One object is one connection and one claim on the lists. It never reconnects: after the first error it is closed
 * and the next one begins with a fresh claim, because only what is read then tells what Redis still has. That is why
 * nothing is ever sent twice behind our back, or to another database after a reconnect, or kept in an offline queue.
 *
 * Nothing here blocks in Redis (BLMOVE and the like): the bridge asks again by itself. A blocked command can hang for
 * ever on a dead socket, and the entry it takes in the end would be taken by an instance that was replaced meanwhile.
 */
export class EventQueue {
  readonly #redis: Redis
  readonly #owner: string
  #failure: Error | undefined
  #orders: string[] = []

  private constructor(redis: Redis, owner: string) {
    this.#redis = redis
    this.#owner = owner
  }

  /**
   * Connects, becomes the owner of the lists and puts what was in flight back into the queue.
   *
   * @param installation tells installations apart, see {@link Installation.place}
   * @throws AppError NEMO_MQTT_ERR_REDIS, or NEMO_MQTT_ERR_REDIS_TAKEN when another installation works on the lists
   */
  static async claim(place: RedisPlace, installation: string): Promise<EventQueue> {
    const redis = createRedis(place)
    const queue = new EventQueue(redis, `${installation} ${randomBytes(8).toString('hex')}`)
    redis.on('error', (error) => queue.#fail(error))
    redis.on('close', () => queue.#fail(new Error('the connection to Redis was closed')))
    try {
      await queue.#call(() => redis.connect())
      await queue.#run(CLAIM, [installation, STATUS_S])
      return queue
    } catch (error) {
      queue.close()
      const trouble = await redisTlsTrouble(place, (error as Error).cause)
      if (trouble === undefined) throw error
      throw new AppError('NEMO_MQTT_ERR_REDIS', `Redis: ${trouble.why}`, { cause: error, hint: trouble.todo })
    }
  }

  /**
   * Adds entries in order, all or none. Returns the length of the queue; undefined when Redis is at its maxmemory.
   * That is no reason to give up the claim: what is in the queue can still be delivered, and that makes room.
   */
  async push(entries: readonly string[]): Promise<number | undefined> {
    try {
      return Number(await this.#run(PUSH, entries))
    } catch (error) {
      if (isFull(error)) return undefined
      throw error
    }
  }

  /**
   * Removes entries that were delivered from the in-flight list and takes further ones, oldest first: up to `count`,
   * and none after `bytes` bytes are reached. One that is not UTF-8 is given as its bytes: Redis would not recognise it
   * by any text, and it could never be removed.
   */
  async turn(settled: readonly string[], count: number, bytes: number): Promise<Array<string | Buffer>> {
    const answer = await this.#run(TURN, [BOUNDS.monitor, count, bytes, ...settled])
    const [orders, taken] = answer as [Buffer[], Buffer[]]
    for (const order of orders) this.#orders.push(order.toString())
    return taken.map((entry) => (isUtf8(entry) ? entry.toString() : entry))
  }

  /** What the turns have found on the control list since the last call. */
  orders(): string[] {
    return this.#orders.splice(0)
  }

  /** Sets an entry that is in flight aside. Returns false, and changes nothing, when the parked list is full. */
  async park(entry: string | Buffer, parked: string): Promise<boolean> {
    return Number(await this.#run(PARK, [BOUNDS.parked, entry, parked])) === 1
  }

  /** Puts what is in flight back into the queue, oldest first. */
  async giveBack(): Promise<void> {
    await this.#run(GIVE_BACK, [])
  }

  /** Removes entries from the queue. */
  async remove(entries: readonly string[]): Promise<void> {
    if (entries.length > 0) await this.#run(REMOVE, entries)
  }

  /** All entries of the queue, oldest first. */
  async *entries(): AsyncGenerator<string> {
    for (let end = -1; ; end -= PAGE) {
      const page = await this.#call(() => this.#redis.lrange(KEYS.queue, end - PAGE + 1, end))
      for (const entry of page.reverse()) yield entry
      if (page.length < PAGE) return
    }
  }

  /** Number of entries in the queue. */
  async length(): Promise<number> {
    return await this.#call(() => this.#redis.llen(KEYS.queue))
  }

  /** Says for the next 90 s whether the bridge is connected to the broker, where the Python plugin said it. */
  async sayStatus(status: 'connected' | 'disconnected'): Promise<void> {
    await this.#run(SAY_STATUS, [status, STATUS_S])
  }

  /** Closes the connection at once; safe to call twice. */
  close(): void {
    this.#failure ??= new Error('the connection to Redis was closed by us')
    this.#disconnect()
  }

  async #run(script: string, values: readonly (string | number | Buffer)[]): Promise<unknown> {
    const { owner, queue, inFlight, parked, monitor, status, control } = KEYS
    const keys = [owner, queue, inFlight, parked, monitor, status, control]
    return await this.#call(async () => {
      try {
        return await this.#redis.callBuffer('EVAL', script, keys.length, ...keys, this.#owner, ...values)
      } catch (error) {
        throw withCommand(error, script)
      }
    })
  }

  async #call<T>(command: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw redisError(this.#failure)
    try {
      return await command()
    } catch (error) {
      if (!isFull(error)) this.#fail(error as Error)
      throw redisError(this.#failure ?? error)
    }
  }

  // The first failure is the cause; what follows ("connection is closed") only repeats it.
  #fail(error: Error): void {
    this.#failure ??= error
    // After a black hole the socket would wait for an answer to its FIN; nothing that is in it is of use any more.
    this.#disconnect()
    this.#redis.stream?.destroy()
  }

  // On a connection that has ended, ioredis would arm a timer that nothing clears: the process would live 2 s longer.
  #disconnect(): void {
    if (this.#redis.status !== 'end') this.#redis.disconnect()
  }
}

const REMEDIES: ReadonlyArray<readonly [RegExp, string]> = [
  [/^WIPED/, 'Redis was emptied; what was not delivered is queued again from PostgreSQL'],
  [/^FENCED/, 'another instance took over; this one steps back'],
  [/MISCONF/, 'Redis cannot write its snapshot: look at its log and its disk'],
  [/OOM/, 'Redis is at its maxmemory: raise it, or free memory'],
  [/READONLY/, 'this Redis is a replica: point NEMO_MQTT_REDIS_URL at the primary'],
  [/NOPERM/, `the Redis user lacks a right; it needs ~nemo_mqtt_* ${COMMANDS}`],
  [/NOAUTH|WRONGPASS|AUTH/, 'set user and password in NEMO_MQTT_REDIS_URL'],
  [/WRONGTYPE/, 'a key of ours holds something else: this Redis database belongs to another program'],
  [/ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT/, 'start Redis, or correct NEMO_MQTT_REDIS_URL'],
]

/** Whether Redis refused something because of its maxmemory; the connection and the claim are as good as before. */
function isFull(error: unknown): boolean {
  return /\bOOM\b/.test(reasonOf(error))
}

// Of a script Redis only says that "the user can't run this command", and in which line.
function withCommand(error: unknown, script: string): unknown {
  const why = reasonOf(error)
  const line = /NOPERM|can't (?:run|access)/.test(why) ? /user_script:(\d+)/.exec(why)?.[1] : undefined
  const command = /redis\.call\('(\w+)'/.exec(script.split('\n')[Number(line) - 1] ?? '')?.[1]
  return command === undefined ? error : new Error(`NOPERM ${command}: ${why}`, { cause: error })
}

// Which script met the trouble, and in which line, says nothing to people, and would make each attempt a new reason.
function withoutScript(why: string): string {
  return why
    .replace(/^ERR Error running script.*?: (?:@\S+ )?/, '') // before Redis 7
    .replace(/[. ]*script: [0-9a-f]{40}, on @user_script:\d+\.?$/, '')
}

/** What Redis refused, for people, with what to do about it. An AppError stays as it is. */
export function redisError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const holder = /^TAKEN (.*)/.exec(reasonOf(error))?.[1]
  if (holder !== undefined) {
    return new AppError(
      'NEMO_MQTT_ERR_REDIS_TAKEN',
      `the Redis list ${KEYS.queue} is in use by installation ${holder}`,
      {
        hint: 'give this installation a Redis database of its own: another number at the end of NEMO_MQTT_REDIS_URL',
      },
    )
  }
  const why = withoutScript(reasonOf(error))
  const text = `${codeOf(error) ?? ''} ${why}`
  const hint = REMEDIES.find(([pattern]) => pattern.test(text.trim()))?.[1]
  return new AppError('NEMO_MQTT_ERR_REDIS', `Redis: ${why}`, { cause: error, ...(hint === undefined ? {} : { hint }) })
}
