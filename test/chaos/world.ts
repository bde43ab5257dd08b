import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import type { Random } from '../../lab/life/random.ts'
import { until } from '../../lab/wait.ts'
import type { ServiceProcess } from '../fixtures/service.ts'
import { type Laboratory, openLaboratory, withRedis } from '../service/laboratory.ts'
import type { SharedRows } from './writer.ts'

/** How many services run: one is active, the others wait to take over. */
const SERVICES = 2
const OWN_TOOLS = 101

/** Everything that can be killed, and the rows that the writers write to. */
export class World {
  readonly laboratory: Laboratory
  readonly services: readonly ServiceProcess[]
  readonly shared: SharedRows
  #marks = 0

  private constructor(laboratory: Laboratory, services: readonly ServiceProcess[], shared: SharedRows) {
    this.laboratory = laboratory
    this.services = services
    this.shared = shared
  }

  /** Starts it all; it ends with the test. */
  static async open(t: Test, writers: number): Promise<World> {
    const laboratory = await openLaboratory(t, {
      redis: ['--appendonly', 'yes', '--appendfsync', 'everysec'],
      // No saving in between: what it restores after a kill are the subscriber's session and retained messages.
      broker: ['persistence true', 'autosave_interval 0', 'max_inflight_messages 0'],
    })
    const { sql, broker, subscriber } = laboratory
    await subscriber.client.subscribeAsync('chaos/#', { qos: 1 })
    if (broker.kind === 'mosquitto' && broker.pid !== undefined) process.kill(broker.pid, 'SIGUSR1')
    await sql(`
      create table chaos_mark (mark text primary key, whose text not null);
      insert into "NEMO_tool" (id, name, category)
        select n, 'Tool ' || n, '0 start' from generate_series(${OWN_TOOLS}, ${OWN_TOOLS + writers + 1}) n;
      insert into "NEMO_reservation" (id, start, "end", creator_id, user_id, tool_id, title)
        values (1, now(), now(), 3, 3, 1, '0 start');
      select setval(pg_get_serial_sequence('"NEMO_reservation"', 'id'), 1000);
      delete from nemo_mqtt.change_log`)
    const tools = [OWN_TOOLS + writers, OWN_TOOLS + writers + 1]
    const services = []
    for (let n = 0; n < SERVICES; n += 1) services.push(await laboratory.start())
    return new World(laboratory, services, { tools, reservation: 1 })
  }

  /** The tool that only this writer touches. */
  toolOf(writer: number): number {
    return OWN_TOOLS + writer
  }

  /** Waits until a message that is new arrives: everything works again. */
  async flows(deadlineMs = 45_000): Promise<void> {
    const { subscriber } = this.laboratory
    const before = subscriber.messages.length
    const isEvent = (): boolean => subscriber.messages.slice(before).some(({ topic }) => topic.startsWith('nemo/tools'))
    await until(isEvent, { deadlineMs, what: 'messages to flow again' })
  }

  /** Waits until the subscriber is there and has everything that the broker has. */
  async settled(): Promise<void> {
    const { subscriber } = this.laboratory
    this.#marks += 1
    const mark = String(this.#marks)
    await until(() => subscriber.client.connected, { deadlineMs: 20_000, what: 'the subscriber to be back' })
    await subscriber.client.publishAsync('chaos/mark', mark, { qos: 1 })
    await subscriber.waitFor(({ topic, payload }) => topic === 'chaos/mark' && payload === mark, 20_000)
  }

  /**
   * Kills the broker in the middle of its work. What it has acknowledged to the service it has also sent to the
   * subscriber, and that must be read first: MQTT.js throws away what it has not looked at when the connection is reset.
   * So the broker is frozen first. To be called when all is {@link settled}: what an absent subscriber is to get later
   * dies with the broker, and that is no fault of the service's.
   */
  async brokerDies(): Promise<void> {
    const { broker, subscriber } = this.laboratory
    if (broker.kind === 'mosquitto') broker.freeze()
    for (let seen = -1; seen !== subscriber.messages.length; ) {
      seen = subscriber.messages.length
      await delay(100)
    }
    await broker.kill()
  }

  /** Copies what Redis has on disk now; the function that is returned puts it back while Redis is stopped. */
  async redisBackup(random: Random): Promise<() => void> {
    const { redis } = this.laboratory
    const folder = await withRedis(redis, async (client) =>
      String(((await client.config('GET', 'dir')) as string[])[1]),
    )
    const copy = join(temporaryFolder('redis-copy'), String(random.next()))
    cpSync(folder, copy, { recursive: true })
    return () => {
      rmSync(folder, { recursive: true })
      cpSync(copy, folder, { recursive: true })
    }
  }
}
