import type { Test } from 'tap'
import { startProxy, type TcpProxy } from '../../lab/proxy.ts'
import { type Subscriber, startSubscriber } from '../../lab/subscriber.ts'
import { CONFIG_KEY, ConfigBench } from '../config/bench.ts'
import { type ServiceOptions, type ServiceProcess, startService } from '../fixtures/service.ts'
import { type Laboratory, openLaboratory, withRedis } from './laboratory.ts'
import { Load } from './load.ts'

/** A laboratory whose services get their broker from stored configurations, one test after the other. */
export class ConfiguredLaboratory {
  readonly laboratory: Laboratory
  /** `nemo-mqtt config` on its database. */
  readonly config: ConfigBench

  private constructor(laboratory: Laboratory) {
    this.laboratory = laboratory
    this.config = new ConfigBench(laboratory.databaseUrl)
  }

  /** Starts the servers; they end with the test. */
  static async open(t: Test): Promise<ConfiguredLaboratory> {
    return new ConfiguredLaboratory(await openLaboratory(t))
  }

  /** A service whose broker comes from the stored configuration alone. */
  async start(t: Test, changed: Partial<ServiceOptions> = {}): Promise<ServiceProcess> {
    const settings = { broker_host: '', broker_port: '', config_key: CONFIG_KEY, ...changed.settings }
    const service = await startService({ ...this.laboratory.options(changed), settings })
    t.teardown(() => service.kill())
    return service
  }

  /** Everything is as after `migrate`, seen by a subscriber of its own. */
  async empty(t: Test): Promise<{ load: Load; seen: Subscriber; laboratory: Laboratory }> {
    const { sql, redis } = this.laboratory
    await sql(`
      delete from nemo_mqtt.configuration;
      delete from nemo_mqtt.configuration_history;
      update "NEMO_tool" set category = 'nothing';
      delete from nemo_mqtt.change_log`)
    await withRedis(redis, (client) => client.flushdb())
    const seen = await this.listen(t)
    const laboratory = { ...this.laboratory, subscriber: seen }
    return { load: await Load.open(t, laboratory), seen, laboratory }
  }

  /** The same, and the configuration `lab`, which is enabled, leads to the broker. */
  async fresh(t: Test, ...assignments: string[]): Promise<{ load: Load; seen: Subscriber; laboratory: Laboratory }> {
    const all = await this.empty(t)
    const { port } = this.laboratory.broker
    await done(this.config.create('lab', ['broker_host=127.0.0.1', `broker_port=${port}`, ...assignments]))
    await done(this.config.enable('lab'))
    return all
  }

  /** Changes settings of the configuration `lab`. */
  async set(assignments: string[], input?: string): Promise<void> {
    await done(this.config.set('lab', assignments, input))
  }

  /** A subscriber to everything, from now on. */
  async listen(t: Test): Promise<Subscriber> {
    const subscriber = await startSubscriber({ url: this.laboratory.broker.url, topics: ['#'] })
    t.teardown(() => subscriber.stop())
    return subscriber
  }

  /** Another way to the broker. */
  async proxy(t: Test): Promise<TcpProxy> {
    const started = await startProxy({ targetPort: this.laboratory.broker.port })
    t.teardown(() => started.stop())
    return started
  }
}

/** Waits for a command that must not fail. */
export async function done(command: Promise<{ code: number; notes: string }>): Promise<void> {
  const { code, notes } = await command
  if (code !== 0) throw new Error(notes)
}

/** What the bridge last said of itself below a prefix. */
export function stateOf({ messages }: Subscriber, prefix = 'nemo'): string | undefined {
  return messages.findLast(({ topic }) => topic === `${prefix}/bridge/state`)?.payload
}

/** Fails when the service has thrown something. */
export function nothingThrown(t: Test, service: ServiceProcess): void {
  t.strictSame(
    service.lines.filter(({ level }) => level === 'raw'),
    [],
    'nothing was thrown',
  )
}
