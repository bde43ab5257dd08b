import pg from 'pg'
import t, { type Test } from 'tap'
import { startPostgres } from '../../lab/postgres.ts'
import { ChangeLog } from '../../src/capture/change-log.ts'
import { sampleDatabase } from '../fixtures/service.ts'
import { LogWriter } from './log-writer.ts'

const postgres = await startPostgres()
t.teardown(() => postgres.stop())
await sampleDatabase(postgres, 'template')

let databases = 0

/** A change log of one's own, and writers to it. */
async function openLog(t: Test) {
  databases += 1
  const url = await postgres.createDatabase(`log_${databases}`, 'template')
  const pool = new pg.Pool({ connectionString: url })
  const writers: LogWriter[] = []
  t.teardown(async () => {
    await Promise.all(writers.map((writer) => writer.client.end()))
    await pool.end()
  })
  const writer = async (): Promise<LogWriter> => {
    const one = await new LogWriter(url).open()
    writers.push(one)
    return one
  }
  return { pool, log: new ChangeLog(pool), writer, execute: (sql: string) => pool.query(sql) }
}

/** Reads once and takes the changes as taken care of. */
async function read(log: ChangeLog, limit = 1_000): Promise<string[]> {
  const page = await log.read(limit)
  page.advance()
  return page.changes.map((change) => change.id)
}

/** Reads until nothing more is there. */
async function drain(log: ChangeLog, limit = 1_000): Promise<string[]> {
  const ids: string[] = []
  for (let isFull = true; isFull; ) {
    const page = await log.read(limit)
    page.advance()
    ids.push(...page.changes.map((change) => change.id))
    isFull = page.isFull
  }
  return ids
}

t.test('a change is read once, oldest first, and again as long as nobody took care of it', async (t) => {
  const { log, writer } = await openLog(t)
  const one = await writer()
  t.strictSame(await read(log), [])
  await one.write(3)
  const page = await log.read(10)
  t.strictSame(
    page.changes.map((change) => change.id),
    ['1', '2', '3'],
  )
  t.strictSame(await read(log), ['1', '2', '3'])
  t.strictSame(await read(log), [])
  await one.write(1)
  t.strictSame(await read(log), ['4'])
})

t.test('C40 a lower id that is committed later is read when it is there', async (t) => {
  const { log, writer } = await openLog(t)
  const [slow, quick] = [await writer(), await writer()]
  await slow.begin()
  await slow.write(2)
  await quick.write(1)
  t.strictSame(await read(log), ['3'])
  t.strictSame(await read(log), [])
  await quick.write(1)
  t.strictSame(await read(log), ['4'])
  await slow.commit()
  t.strictSame(await read(log), ['1', '2'])
  t.strictSame(await read(log), [])
})

t.test('C40 however the numbers of the transactions lie to each other', async (t) => {
  const { log, writer } = await openLog(t)
  const [first, second, third] = [await writer(), await writer(), await writer()]
  // The one that commits has the lowest number: in the snapshot nothing shows that two higher ones are running.
  await first.begin()
  await second.begin()
  await third.begin()
  const [late] = await third.write()
  const [alsoLate] = await second.write()
  const [seen] = await first.write()
  await first.commit()
  t.strictSame(await read(log), [seen])
  t.strictSame(await read(log), [])
  t.strictSame(await read(log), [])
  await second.commit()
  t.strictSame(await read(log), [alsoLate])
  t.strictSame(await read(log), [])
  await third.commit()
  t.strictSame(await read(log), [late])
})

t.test('C41 what was rolled back is not waited for and not looked for longer than needed', async (t) => {
  const { log, writer } = await openLog(t)
  const one = await writer()
  for (let n = 0; n < 300; n += 1) {
    await one.begin()
    await one.write()
    await one.rollback()
  }
  await one.write()
  t.strictSame(await read(log), ['301'])
  t.equal(log.gaps, 1)
  t.strictSame(await read(log), [])
  t.equal(log.gaps, 0, 'no transaction runs that could fill it')
})

t.test('C41 gaps are forgotten while a long backlog is read as well', async (t) => {
  const { log, writer } = await openLog(t)
  const one = await writer()
  const committed: string[] = []
  for (let n = 0; n < 120; n += 1) {
    await one.begin()
    const ids = await one.write(2)
    if (n % 3 === 0) await one.rollback()
    else {
      await one.commit()
      committed.push(...ids)
    }
  }
  const read: string[] = []
  for (let isFull = true; isFull; ) {
    const page = await log.read(10)
    page.advance()
    read.push(...page.changes.map((change) => change.id))
    isFull = page.isFull
    t.ok(log.gaps <= 5, `${log.gaps} gaps after ${read.length} changes`)
  }
  t.strictSame(read, committed)
})

t.test('C41 a sequence that counts in tens leaves gaps that are forgotten', async (t) => {
  const { log, writer, execute } = await openLog(t)
  await execute('alter table nemo_mqtt.change_log alter column id set increment by 10')
  const [slow, quick] = [await writer(), await writer()]
  await slow.begin()
  const [late] = await slow.write()
  const ids = await quick.write(3)
  t.strictSame(await read(log), ids)
  t.equal(log.gaps, 3)
  await slow.commit()
  t.strictSame(await read(log), [late])
  t.equal(log.gaps, 0)
})

t.test('C41 ids go on after a crash, further up', async (t) => {
  const { log, writer, execute } = await openLog(t)
  const one = await writer()
  await one.write()
  t.strictSame(await read(log), ['1'])
  await execute(`select setval(pg_get_serial_sequence('nemo_mqtt.change_log', 'id'), 33)`) // as recovery does
  await one.write()
  t.strictSame(await read(log), ['34'])
})

t.test('a sequence that was set back is found by looking everywhere', async (t) => {
  const { log, writer, execute } = await openLog(t)
  const one = await writer()
  await one.write(50)
  t.equal((await read(log)).length, 50)
  await execute('delete from nemo_mqtt.change_log')
  await execute(`select setval(pg_get_serial_sequence('nemo_mqtt.change_log', 'id'), 10)`)
  await one.write(1)
  t.strictSame(await read(log), [])
  log.lookEverywhere()
  t.strictSame(await read(log), ['11'])
})

t.test('pages are cut by number, and late ones still come before new ones', async (t) => {
  const { log, writer } = await openLog(t)
  const [slow, quick] = [await writer(), await writer()]
  await slow.begin()
  const late = await slow.write(25)
  const [between] = await quick.write(1)
  t.strictSame(await read(log, 10), [between])
  const more = await quick.write(25)
  await slow.commit()
  const page = await log.read(10)
  t.strictSame(
    page.changes.map((change) => change.id),
    late.slice(0, 10),
  )
  t.ok(page.isFull)
  t.strictSame(await drain(log, 10), [...late, ...more])
})

t.test('pages are cut by bytes; a change larger than that comes alone', async (t) => {
  const { log, writer } = await openLog(t)
  const one = await writer()
  await one.write(20, 'a', 1_000_000)
  const page = await log.read(1_000)
  t.equal(page.changes.length, 7, '8 MB hold seven of them')
  t.ok(page.isFull)
  await one.write(1, 'b', 9_000_000)
  await one.write(1, 'c')
  const all = await drain(log)
  t.strictSame(
    all,
    Array.from({ length: 22 }, (_, n) => String(n + 1)),
  )
})

t.test('more gaps than are kept one by one: nothing is lost, and what is pending is not read again', async (t) => {
  const { log, pool, writer, execute } = await openLog(t)
  await execute('alter table nemo_mqtt.change_log alter column id set increment by 10')
  const [slow, quick] = [await writer(), await writer()]
  await slow.begin()
  const [late = ''] = await slow.write()
  const ids = await quick.write(12_000)
  const known: string[] = []
  for (let isFull = true, pages = 0; isFull; pages += 1) {
    t.ok(pages <= 13, `page ${pages}`)
    const page = await log.read(1_000, () => known)
    page.advance()
    known.push(...page.changes.map((change) => change.id))
    isFull = page.isFull
  }
  t.strictSame(known, ids)
  t.ok(log.gaps <= 5_000)
  const since = performance.now()
  const empty = await log.read(1_000, () => known)
  empty.advance()
  t.strictSame(empty.changes, [])
  t.ok(performance.now() - since < 1_000, 'quick enough to be done every second')
  await slow.commit()
  const page = await log.read(1_000, () => known)
  page.advance()
  t.strictSame(
    page.changes.map((change) => change.id),
    [late],
  )
  t.equal(log.gaps, 0)
  await pool.query('select 1')
})

t.test('removing, setting aside and listing', async (t) => {
  const { log, writer, pool } = await openLog(t)
  const one = await writer()
  await one.write(12)
  await log.remove(['2', '4', '99'])
  t.strictSame(await log.idsUpTo('11'), ['1', '3', '5', '6', '7', '8', '9', '10', '11'], 'in the order of numbers')
  await log.remove(['6', '7', '8', '9', '10', '11', '12'])
  await log.setAside('3', 'no\u0000 reason')
  await log.setAside('99', 'not there')
  t.strictSame(await read(log), ['1', '5'])
  const { rows } = await pool.query('select id, reason from nemo_mqtt.unmapped')
  t.strictSame(rows, [{ id: '3', reason: 'no reason' }])
})
