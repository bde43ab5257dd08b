import type { Test } from 'tap'
import { until } from '../../lab/wait.ts'
import { readSettings } from '../../src/config/environment.ts'
import { LiveSettings } from '../../src/config/live.ts'
import type { Settings } from '../../src/config/settings.ts'
import { Health } from '../../src/health.ts'
import { createLog } from '../../src/log.ts'
import { Broker } from '../../src/publish/broker.ts'
import type { LogLine } from '../fixtures/service.ts'

/** Settings by their names, in lower case. */
export type Given = Readonly<Record<string, string | number | boolean>>

let links = 0

/** The settings that a link on loopback is made with. */
export function settingsOf(given: Given): Settings {
  const named = Object.entries(given).map(([name, value]) => [`NEMO_MQTT_${name.toUpperCase()}`, String(value)])
  return readSettings({
    NEMO_MQTT_DATABASE_URL: 'postgres://nobody@127.0.0.1/nothing',
    NEMO_MQTT_BROKER_HOST: '127.0.0.1',
    NEMO_MQTT_RECONNECT_DELAY: '1',
    NEMO_MQTT_CLIENT_ID: `link-${++links}`, // several at once
    ...Object.fromEntries(named),
  })
}

/** The link to the broker alone, in this process, and what it says. */
export class LinkUnderTest {
  readonly lines: LogLine[] = []
  readonly broker: Broker
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>

  constructor(settings: Settings) {
    const write = (line: string): void => {
      this.lines.push(JSON.parse(line) as LogLine)
    }
    const log = createLog({ level: 'DEBUG', secrets: () => [], destination: { write } })
    this.broker = new Broker(new LiveSettings(settings), new Health(log))
    this.#ended = this.broker.run(this.#stop.signal)
    this.#ended.catch(() => undefined) // stop() throws it
  }

  /** Waits for the first word about the broker. */
  async says(): Promise<LogLine> {
    return await until(() => this.lines.find(({ stage }) => stage === 'broker'), { what: 'a word about the broker' })
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#ended
    await this.broker.close()
  }
}

/** What an operator sees of a link: its first line about the broker, and what to do. */
export async function firstWord(t: Test, given: Given): Promise<LogLine> {
  const link = new LinkUnderTest(settingsOf(given))
  t.teardown(() => link.stop())
  const line = await link.says()
  await link.stop()
  return line
}
