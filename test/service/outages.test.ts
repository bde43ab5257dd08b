import { readFileSync } from 'node:fs'
import t from 'tap'
import { until } from '../../lab/wait.ts'
import type { ServiceProcess } from '../fixtures/service.ts'
import { openLaboratory } from './laboratory.ts'
import { Load } from './load.ts'

t.setTimeout(400_000)
t.jobs = 2

/** Resident memory of the service, in megabytes. */
function memoryMb(service: ServiceProcess): number {
  const status = readFileSync(`/proc/${service.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1000
}

t.test('C60 C69 a hundred thousand changes without Redis, then without a broker, take no memory', async (t) => {
  const laboratory = await openLaboratory(t)
  const { redis, broker } = laboratory
  const service = await laboratory.start()
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  const before = memoryMb(service)
  await redis.stop()
  for (const tool of [1, 2, 3]) await load.writeMany(tool, 34_000)
  await service.says('redis', 'failing')
  t.ok(memoryMb(service) - before < 50, `without Redis: ${Math.round(memoryMb(service) - before)} MB more`)
  await broker.stop()
  await redis.start()
  await service.says('listener', 'waiting', 30_000)
  t.ok(memoryMb(service) - before < 80, `without a broker: ${Math.round(memoryMb(service) - before)} MB more`)
  await broker.start()
  await load.verify(t, 120_000)
})

t.test('C106 nothing counts as done before it was acknowledged: the broker goes and comes in the middle', async (t) => {
  const laboratory = await openLaboratory(t)
  const { broker } = laboratory
  await laboratory.start()
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  await broker.stop()
  for (let n = 0; n < 200; n += 1) await load.write()
  await broker.start()
  await load.writeMany(2, 2_000)
  await broker.kill()
  await until(() => !broker.isRunning, { what: 'the broker to be gone' })
  await broker.start()
  await load.verify(t, 60_000)
})
