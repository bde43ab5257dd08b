import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { Test } from 'tap'
import { until } from '../../lab/wait.ts'
import { type Arrival, judge } from '../chaos/judge.ts'
import { delivered, type Laboratory } from './laboratory.ts'

/** NEMO at work: one committed change after the other, on three tools in turn, and the order in which they must arrive. */
export class Load {
  readonly #laboratory: Laboratory
  readonly #client: pg.Client
  readonly #expected = new Map<string, string[]>()
  readonly #end = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #count = 0

  private constructor(laboratory: Laboratory, client: pg.Client) {
    this.#laboratory = laboratory
    this.#client = client
  }

  /** Connects; nothing is written yet. */
  static async open(t: Test, laboratory: Laboratory): Promise<Load> {
    const client = new pg.Client({ connectionString: laboratory.databaseUrl })
    client.on('error', () => undefined) // at the end of the test the server goes first
    await client.connect()
    const load = new Load(laboratory, client)
    t.teardown(() => load.close())
    return load
  }

  /** How many changes were committed. */
  get count(): number {
    return this.#count
  }

  /** Commits one change; gives its number. */
  async write(tool = 1 + (this.#count % 3)): Promise<number> {
    this.#count += 1
    const number = this.#count
    this.#expect(tool, `change ${number}`)
    await this.#client.query('update "NEMO_tool" set category = $2 where id = $1', [tool, `change ${number}`])
    return number
  }

  /** Commits many changes of one tool in one transaction. */
  async writeMany(tool: number, count: number): Promise<void> {
    const first = this.#count + 1
    this.#count += count
    // Before the query: another one that is called meanwhile waits behind it.
    for (let n = first; n < first + count; n += 1) this.#expect(tool, `change ${n}`)
    await this.#client.query(
      `do $$ begin for n in ${first}..${this.#count} loop
         update "NEMO_tool" set category = 'change ' || n where id = ${tool};
       end loop; end $$`,
    )
  }

  /** Goes on writing until {@link stop}. */
  start(perSecond: number): void {
    this.#running = (async () => {
      while (!this.#end.signal.aborted) {
        await this.write()
        await delay(1_000 / perSecond)
      }
    })()
    this.#running.catch(() => undefined) // stop() tells
  }

  /** Ends what {@link start} began. */
  async stop(): Promise<void> {
    this.#end.abort()
    await this.#running
  }

  /** Writes no more; what runs may fail. */
  async close(): Promise<void> {
    this.#end.abort()
    await this.#client.end()
  }

  /** Commits a change and waits until it has arrived; gives the milliseconds that took. */
  async roundTrip(deadlineMs: number, tool?: number): Promise<number> {
    const since = performance.now()
    const token = `"change ${await this.write(tool)}"`
    await this.#laboratory.subscriber.waitFor(({ payload }) => payload.includes(token), deadlineMs)
    return performance.now() - since
  }

  /** Waits until something arrives, of this tool if one is named, that is not written yet; gives the milliseconds. */
  async flows(deadlineMs: number, tool?: number): Promise<number> {
    const since = performance.now()
    const { messages } = this.#laboratory.subscriber
    const [seen, written] = [messages.length, this.#count]
    const topic = tool === undefined ? undefined : `nemo/tools/${tool}`
    const isNew = (): boolean =>
      messages
        .slice(seen)
        .some((message) => changeNumber(message.payload) > written && (topic ?? message.topic) === message.topic)
    await until(isNew, { deadlineMs, everyMs: 10, what: 'messages to flow' })
    return performance.now() - since
  }

  /**
   * Waits until everything is delivered and judges what arrived: all of it, in order, nothing else.
   *
   * @param arrivals what somebody else than the laboratory's subscriber has seen, under the usual topics
   */
  async verify(
    t: Test,
    deadlineMs = 30_000,
    arrivals: () => readonly Arrival[] = () => this.#laboratory.subscriber.messages,
  ): Promise<void> {
    await delivered(this.#laboratory, deadlineMs)
    const all = (): boolean => new Set(arrivals().map(({ payload }) => payload)).size >= this.#count
    await until(all, { deadlineMs: 5_000, what: 'the last messages' }).catch(() => undefined) // the verdict says more
    const arrived = arrivals().filter(({ topic }) => isOurs(topic))
    const { faults, repeats } = judge(this.#expected, arrived, () => '')
    t.strictSame(faults, [], `${this.#count} changes arrived in order, with ${repeats} repeats`)
  }

  #expect(tool: number, token: string): void {
    const entity = `tools/${tool}`
    const keys = this.#expected.get(entity) ?? []
    keys.push(`tool_updated ${token}`)
    this.#expected.set(entity, keys)
  }
}

function changeNumber(payload: string): number {
  return Number(/"change (\d+)"/.exec(payload)?.[1] ?? 0)
}

function isOurs(topic: string): boolean {
  return topic.startsWith('nemo/tools/')
}
