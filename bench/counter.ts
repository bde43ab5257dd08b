import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { connect } from 'mqtt'

/** What the counter has seen. */
export interface Count {
  readonly messages: number
  /** Messages that came after a later one of their topic, or whose signature is wrong. */
  readonly faults: number
  /** When the first and the last came, in milliseconds since 1970. */
  readonly firstAt: number
  readonly lastAt: number
}

/** A subscriber in a thread of its own, so that counting does not slow down what is measured. */
export class Counter {
  readonly #worker: Worker

  private constructor(worker: Worker) {
    this.#worker = worker
  }

  /** Subscribes to everything below `nemo/`; resolves when the broker has confirmed it. */
  static async start(url: string, secret: string): Promise<Counter> {
    const worker = new Worker(new URL(import.meta.url), { workerData: { url, secret } })
    await new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    return new Counter(worker)
  }

  /** Resolves when so many messages have arrived, and begins to count anew; fails after ten minutes. */
  async expect(messages: number): Promise<Count> {
    const signal = AbortSignal.timeout(600_000)
    this.#worker.postMessage(messages)
    const [count] = (await once(this.#worker, 'message', { signal })) as [Count]
    return count
  }

  /** Ends the thread. */
  async stop(): Promise<void> {
    await this.#worker.terminate()
  }
}

async function count(url: string, secret: string): Promise<void> {
  const client = connect(url, { protocolVersion: 5 })
  const last = new Map<string, number>()
  let wanted = Number.POSITIVE_INFINITY
  let seen = { messages: 0, faults: 0, firstAt: 0, lastAt: 0 }
  const answer = (): void => {
    if (seen.messages < wanted) return
    parentPort?.postMessage(seen)
    wanted = Number.POSITIVE_INFINITY
    seen = { messages: 0, faults: 0, firstAt: 0, lastAt: 0 }
  }
  client.on('message', (topic, raw) => {
    if (topic.includes('/bridge/')) return // says how the bridge is
    seen.lastAt = performance.timeOrigin + performance.now()
    if (seen.messages === 0) seen.firstAt = seen.lastAt
    seen.messages += 1
    // Each hundredth signature: all of them would make the counter the slowest part of the line.
    const { payload, hmac } = JSON.parse(raw.toString()) as { payload: string; hmac: string }
    if (seen.messages % 100 === 0 && createHmac('sha256', secret).update(payload).digest('hex') !== hmac) {
      seen.faults += 1
    }
    const order = Number(/"event_id":"[^"]*?-(\d+)-\d+"/.exec(payload)?.[1])
    if (!(order > (last.get(topic) ?? -1))) seen.faults += 1
    last.set(topic, order)
    answer()
  })
  await client.subscribeAsync('nemo/#', { qos: 1 })
  parentPort?.on('message', (messages: number) => {
    wanted = messages
    answer()
  })
  parentPort?.postMessage('ready')
}

if (parentPort !== null) {
  const { url, secret } = workerData as { url: string; secret: string }
  await count(url, secret)
}
