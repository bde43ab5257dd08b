import t from 'tap'
import { startProxy } from '../../lab/proxy.ts'
import { until } from '../../lab/wait.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { openLaboratory, withRedis } from '../service/laboratory.ts'
import { Load } from '../service/load.ts'

t.test(
  'entries that another program takes out of the list: told with the likely cause, and queued again',
  async (t) => {
    t.setTimeout(120_000)
    const laboratory = await openLaboratory(t)
    const { redis, broker } = laboratory
    const proxy = await startProxy({ targetPort: broker.port })
    t.teardown(() => proxy.stop())
    const service = await laboratory.start({ brokerPort: proxy.port })
    const load = await Load.open(t, laboratory)
    await load.roundTrip(20_000)

    // Without a broker they stay in the list, where the old bridge of the plugin would take them: from the left.
    await proxy.refuse()
    proxy.reset()
    for (let n = 0; n < 12; n += 1) await load.write()
    await withRedis(redis, async (client) => {
      await until(async () => (await client.llen(KEYS.queue)) === 12, { what: 'twelve entries' })
      await client.lpop(KEYS.queue, 5)
    })
    await proxy.pass()
    const { msg, todo } = await service.logged(({ msg }) => /vanished/.test(msg), 'the loss', 30_000)
    t.match(msg, /messages of 5 changes have vanished from nemo_mqtt_events/)
    t.match(todo, /old bridge of the Python plugin/)
    await load.verify(t)
    const told = service.lines.length
    await load.roundTrip(10_000)
    t.notOk(service.lines.slice(told).some(({ stage }) => stage === 'redis'))
  },
)
