import type { EventQueue } from '../queue/event-queue.ts'

/** The status is said anew this often, a third of the time for which it holds, in milliseconds. */
const AGAIN_MS = 30_000

/** Says in Redis, where the Python plugin said it, whether the bridge is connected: at each change and now and then. */
export class BridgeStatus {
  readonly #queue: EventQueue
  #said: string | undefined
  #saidAt = 0

  constructor(queue: EventQueue) {
    this.#queue = queue
  }

  /** To be called at each turn. @throws AppError NEMO_MQTT_ERR_REDIS when the queue is lost */
  async say(status: 'connected' | 'disconnected'): Promise<void> {
    if (status === this.#said && performance.now() - this.#saidAt < AGAIN_MS) return
    this.#said = status
    this.#saidAt = performance.now()
    await this.#queue.sayStatus(status)
  }
}
