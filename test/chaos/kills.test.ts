import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import t from 'tap'
import { Random } from '../../lab/life/random.ts'
import { delivered } from '../service/laboratory.ts'
import { judge } from './judge.ts'
import { drawKills, kill } from './kills.ts'
import { Ledger } from './ledger.ts'
import { World } from './world.ts'
import { Writer } from './writer.ts'

/**
 * Kills everything again and again while NEMO writes, and holds what a subscriber got against what was committed.
 *
 *   node dist/test/chaos/kills.test.js --kills 1000 --seed 7
 *
 * The seed decides who is killed when and what is written; how the processes take turns it cannot decide. With
 * CHAOS_TRACE=FILE everything that arrived and what the services logged is written down, to find out why.
 */
const { values } = parseArgs({
  options: { kills: { type: 'string' }, seed: { type: 'string' } },
  strict: false,
})
const kills = Number(values.kills ?? process.env.CHAOS_KILLS ?? 60)
const seed = Number(values.seed ?? process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1_000_000))
const WRITERS = 4

t.setTimeout(0)
t.test(`${kills} kills lose, reorder and invent nothing (--seed ${seed})`, async (t) => {
  t.setTimeout(60_000 + kills * 20_000)
  t.comment(`seed ${seed}`)
  const random = new Random(seed)
  const world = await World.open(t, WRITERS)
  const { databaseUrl, subscriber } = world.laboratory
  const ledger = new Ledger()
  const end = new AbortController()
  const writers = Array.from({ length: WRITERS }, (_, n) => {
    const own = new Random(seed * 31 + n)
    return new Writer(`w${n}`, databaseUrl, world.toolOf(n), world.shared, own, ledger).run(end.signal)
  })
  const since = performance.timeOrigin + performance.now()
  const milliseconds = (): number => Math.round(performance.timeOrigin + performance.now() - since)
  const done: Array<{ readonly name: string; readonly from: number; readonly to: number }> = []
  try {
    await world.flows()
    for (const name of drawKills(kills, random)) {
      const from = milliseconds()
      await kill(name, world, random)
      done.push({ name, from, to: milliseconds() })
      if (random.chance(0.6)) await world.flows()
      else await delay(random.between(0, 1_200))
    }
  } finally {
    end.abort()
    await Promise.all(writers)
  }
  await delivered(world.laboratory, 60_000)
  await world.settled()

  const events = subscriber.messages.filter(({ topic }) => /^nemo\/(tools|reservations)\//.test(topic))
  const whenWas = (receivedAt: number): string => {
    const at = receivedAt - since
    const before = done.filter(({ from }) => from < at).slice(-3)
    return `at ${Math.round(at)} ms, after ${before.map(({ name, from, to }) => `${name} ${from}-${to}`).join(', ')}`
  }
  const verdict = judge(ledger.expected(), events, whenWas)
  const seconds = Math.round(milliseconds() / 1_000)
  t.comment(
    `${kills} kills in ${seconds} s: ${ledger.commits} commits, ${ledger.rollbacks} rollbacks, ${ledger.changes} ` +
      `changes as ${verdict.events} messages, ${verdict.repeats} repeats`,
  )
  if (process.env.CHAOS_TRACE) {
    const services = world.services.map((service) => service.lines)
    writeFileSync(process.env.CHAOS_TRACE, JSON.stringify({ since, done, services, events }, null, 1))
  }
  t.strictSame(verdict.faults, [], `everything is right (--kills ${kills} --seed ${seed})`)
  t.equal(verdict.events, ledger.changes)
})
