import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import type { Test } from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { StartedProgram } from '../../lab/process.ts'
import { until } from '../../lab/wait.ts'
import { program } from '../fixtures/service.ts'

/** Where marks are published; the comparison with the ledger leaves everything under `bridge/` aside. */
const MARKS = 'nemo/bridge/mark'

/** A message as mosquitto_sub prints it. */
export interface RecordedMessage {
  readonly topic: string
  readonly payload: string
  readonly qos: number
  readonly retain: number
  /** Those of MQTT 5. */
  readonly properties?: { readonly 'user-properties'?: Readonly<Record<string, string>> }
}

/** Everything that a subscriber with nothing of ours in it gets under `nemo/`, in a file. */
export class Recording {
  readonly file: string
  readonly #marker: MqttClient
  #marks = 0

  private constructor(file: string, marker: MqttClient) {
    this.file = file
    this.#marker = marker
  }

  /** Starts to record; resolves when nothing will be missed any more. */
  static async start(t: Test, brokerPort: number): Promise<Recording> {
    const file = join(temporaryFolder('recording'), 'recording.jsonl')
    const given = ['-p', String(brokerPort), '-V', '5', '-q', '1', '-t', 'nemo/#', '-F', '%j']
    const subscriber = new StartedProgram({
      name: 'mosquitto_sub',
      program: '/bin/sh',
      // Into the file without a detour: what is compared is what it printed, byte for byte.
      arguments: ['-c', 'file=$1; shift; exec "$@" >"$file"', 'record', file, program('mosquitto_sub'), ...given],
    })
    await subscriber.start()
    t.teardown(() => subscriber.kill())
    const marker = await mqtt.connectAsync(`mqtt://127.0.0.1:${brokerPort}`)
    t.teardown(() => marker.endAsync(true))
    const recording = new Recording(file, marker)
    // It does not say when it is subscribed, but a mark that it gets does.
    await until(() => recording.#isMarked(), { what: 'mosquitto_sub to be subscribed' })
    return recording
  }

  /** How many different events are recorded. */
  get events(): number {
    const ids = this.messages().flatMap(({ topic, payload }) =>
      topic.startsWith('nemo/bridge/') ? [] : eventId(payload),
    )
    return new Set(ids).size
  }

  /** Resolves at the next message, or when none comes within the time. */
  async next(deadlineMs: number): Promise<void> {
    const size = statSync(this.file).size
    const hasGrown = (): boolean => statSync(this.file).size > size
    await until(hasGrown, { deadlineMs, everyMs: 1, what: 'the next message' }).catch(() => undefined)
  }

  /** Resolves when everything that the broker has acknowledged so far is recorded: a mark comes after all of it. */
  async isComplete(): Promise<void> {
    const mark = await this.#mark()
    await until(() => this.#has(mark), { what: 'the last mark to be recorded' })
  }

  async #isMarked(): Promise<boolean> {
    const mark = await this.#mark()
    try {
      return await until(() => this.#has(mark), { deadlineMs: 200, what: 'the first mark' })
    } catch {
      return false // it was published before there was a subscriber
    }
  }

  async #mark(): Promise<string> {
    this.#marks += 1
    const mark = `mark ${this.#marks}`
    await this.#marker.publishAsync(MARKS, mark, { qos: 1 })
    return mark
  }

  #has(mark: string): boolean {
    return this.messages().some(({ topic, payload }) => topic === MARKS && payload === mark)
  }

  /** Everything so far, with the text of each payload as it was on the wire. */
  messages(): RecordedMessage[] {
    // The last piece is empty, or a line that is only half written.
    const lines = readFileSync(this.file, 'utf8').split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as RecordedMessage)
  }
}

/** In the envelope of a signed message, or in the message itself. What is neither is for the comparison to find. */
function eventId(payload: string): string[] {
  try {
    const outer = JSON.parse(payload) as { payload?: string; event_id?: string }
    const { event_id } = outer.payload === undefined ? outer : (JSON.parse(outer.payload) as { event_id?: string })
    return event_id === undefined ? [] : [event_id]
  } catch {
    return []
  }
}
