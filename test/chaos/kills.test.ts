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
 * The seed decides who is killed when and what is written; how the processes take turns it cannot decide.
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
  const since = performance.now()
  try {
    await world.flows()
    for (const [n, name] of drawKills(kills, random).entries()) {
      if (process.env.CHAOS_VERBOSE) t.comment(`${n + 1}: ${name} at ${Math.round(performance.now() - since)} ms`)
      await kill(name, world, random)
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
  const verdict = judge(ledger.expected(), events)
  const seconds = Math.round((performance.now() - since) / 1_000)
  t.comment(
    `${kills} kills in ${seconds} s: ${ledger.commits} commits, ${ledger.rollbacks} rollbacks, ${ledger.changes} ` +
      `changes as ${verdict.events} messages, ${verdict.repeats} repeats`,
  )
  t.strictSame(verdict.faults, [], `everything is right (--kills ${kills} --seed ${seed})`)
  t.equal(verdict.events, ledger.changes)
})
