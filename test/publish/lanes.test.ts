import t from 'tap'
import { Random } from '../../lab/life/random.ts'
import { freshMessage, Lanes, type Message } from '../../src/publish/lanes.ts'
import { TRIES } from '../../src/publish/outcome.ts'

function message(entity: string, n: number): Message {
  const entry = { topic: entity, payload: String(n), retain: false, entity, origin: null, queuedAt: null }
  return freshMessage(`${entity} ${n}`, entry)
}

t.test('only the head of a lane is sent, the next one after it is done', async (t) => {
  const lanes = new Lanes()
  const [a1, a2, b1] = [message('a', 1), message('a', 2), message('b', 1)]
  for (const one of [a1, a2, b1]) lanes.add(one)
  t.equal(lanes.next(10), a1)
  t.equal(lanes.next(10), b1)
  t.equal(lanes.next(10), undefined)
  lanes.rest(a1)
  t.equal(lanes.next(10), undefined, 'a resting head holds its lane')
  lanes.wake(a1)
  t.equal(lanes.next(10), a1)
  lanes.done(a1)
  t.equal(lanes.next(10), a2)
  lanes.done(a2)
  lanes.done(b1)
  t.strictSame([lanes.size, lanes.bytes, lanes.unanswered], [0, 0, 0])
})

t.test('the window bounds what is unanswered, a window of nothing too', async (t) => {
  const lanes = new Lanes()
  for (let n = 0; n < 5; n += 1) lanes.add(message(`e${n}`, n))
  t.equal(lanes.next(-3), undefined)
  t.ok(lanes.next(2))
  t.ok(lanes.next(2))
  t.equal(lanes.next(2), undefined)
  t.equal(lanes.unanswered, 2)
})

t.test('after the end of a link the suspects are sent alone; the one that ends it alone is given up', async (t) => {
  let clock = 0
  const lanes = new Lanes(() => clock)
  const [good, bad, fresh] = [message('good', 1), message('bad', 1), message('fresh', 1)]
  lanes.add(good)
  lanes.add(bad)
  t.equal(lanes.next(10), good)
  t.equal(lanes.next(10), bad)
  lanes.add(fresh)
  t.notOk(lanes.linkEnded(good))
  t.notOk(lanes.linkEnded(bad))
  t.equal(lanes.next(10), good)
  t.equal(lanes.next(10), undefined, 'alone')
  lanes.done(good)
  for (let alone = 1; alone <= TRIES.closesLink; alone += 1) {
    t.equal(lanes.next(10), bad)
    t.equal(lanes.linkEnded(bad), alone === TRIES.closesLink)
    if (alone === 1) {
      t.equal(lanes.next(10), fresh, 'fresh ones flow while the culprit waits')
      lanes.done(fresh)
    }
    clock += 60_000
  }
})

t.test('without evidence a message is tried again for ever', async (t) => {
  let clock = 0
  const lanes = new Lanes(() => clock)
  const one = message('a', 1)
  lanes.add(one)
  t.equal(lanes.next(10), one)
  t.notOk(lanes.linkEnded(one, false))
  for (let n = 0; n < 20; n += 1) {
    t.equal(lanes.next(10), one)
    t.notOk(lanes.linkEnded(one, false))
    clock += 60_000
  }
})

t.test('what stands still behind a refused message or a culprit is told, with its bytes', async (t) => {
  const lanes = new Lanes()
  const all = [message('a', 1), message('a', 2), message('a', 3), message('b', 1), message('b', 2)]
  for (const one of all) lanes.add(one)
  const [a1, , , b1] = all as [Message, Message, Message, Message]
  t.strictSame(lanes.held, { messages: 0, bytes: 0 })
  lanes.next(10)
  lanes.next(10)
  lanes.rest(a1)
  t.strictSame(lanes.held, { messages: 3, bytes: 9 })
  lanes.linkEnded(b1)
  t.strictSame(lanes.held, { messages: 3, bytes: 9 }, 'a suspect is sent at once')
  t.equal(lanes.next(10), b1)
  lanes.linkEnded(b1)
  t.strictSame(lanes.held, { messages: 5, bytes: 15 })
  lanes.wake(a1)
  t.strictSame(lanes.held, { messages: 2, bytes: 6 })
  lanes.done(b1)
  t.strictSame(lanes.held, { messages: 0, bytes: 0 })
  t.strictSame(lanes.size, 4)
})

/** Does at random what brokers and networks do, and looks after every step whether the promises hold. */
function play(seed: number): void {
  const random = new Random(seed)
  let clock = 0
  const lanes = new Lanes(() => clock)
  const entities = ['a', 'b', 'c', 'd', 'e', 'f']
  const count = 120
  const window = random.between(1, 6)
  const counters = new Map<string, number>()
  const unanswered: Message[] = []
  const resting: Message[] = []
  const finished = new Map<string, number[]>()
  let added = 0
  const fail = (what: string): never => {
    throw new Error(`seed ${seed}: ${what}`)
  }
  const finish = (one: Message): void => {
    lanes.done(one)
    const { entity, payload } = one.entry
    finished.set(entity, [...(finished.get(entity) ?? []), Number(payload)])
  }
  const takeOne = (list: Message[]): Message | undefined => list.splice(random.between(0, list.length - 1), 1)[0]
  for (let step = 0; step < 20_000; step += 1) {
    clock += random.between(0, 200)
    if (added < count && random.chance(0.3)) {
      const entity = random.one(entities) ?? ''
      const n = (counters.get(entity) ?? 0) + 1
      counters.set(entity, n)
      lanes.add(message(entity, n))
      added += 1
    }
    const next = lanes.next(window)
    if (next !== undefined) {
      if (unanswered.some(({ entry }) => entry.entity === next.entry.entity)) fail('two unanswered of one entity')
      if (resting.includes(next)) fail('a resting message was sent')
      unanswered.push(next)
    }
    if (unanswered.length > window) fail('more than the window')
    if (unanswered.length !== lanes.unanswered) fail('the count of unanswered is wrong')
    if (unanswered.length > 0 && random.chance(0.4)) {
      const one = takeOne(unanswered) as Message
      if (random.chance(0.75)) {
        finish(one)
      } else {
        lanes.rest(one)
        resting.push(one)
      }
    }
    if (resting.length > 0 && random.chance(0.2)) {
      const one = takeOne(resting) as Message
      if (random.chance(0.2))
        finish(one) // parked after too many refusals
      else lanes.wake(one)
    }
    if (unanswered.length > 0 && random.chance(0.05)) {
      for (const one of unanswered.splice(0)) if (lanes.linkEnded(one)) finish(one)
    }
    if (lanes.held.messages < resting.length || lanes.held.messages > lanes.size) fail('the count of held is wrong')
    if (added === count && lanes.size === 0) break
  }
  if (lanes.size !== 0 || lanes.bytes !== 0) fail(`${lanes.size} messages are stuck`)
  for (const [entity, n] of counters) {
    const expected = Array.from({ length: n }, (_, i) => i + 1)
    if (String(finished.get(entity)) !== String(expected)) fail(`${entity} ended as ${finished.get(entity)}`)
  }
}

t.test('random sequences: never two unanswered of one entity, order kept, nothing forgotten', async (t) => {
  const first = Number(process.env.LANES_SEED ?? Math.floor(Math.random() * 1_000_000))
  t.comment(`LANES_SEED=${first}`)
  for (let seed = first; seed < first + 300; seed += 1) play(seed)
  t.pass('300 sequences')
})
