import t from 'tap'
import { startSubscriber } from '../../lab/subscriber.ts'
import { delivered, openLaboratory } from '../service/laboratory.ts'

t.setTimeout(60_000)

t.test('C78 with retain on, no old event looks like the present one; what a tool is called is kept', async (t) => {
  const laboratory = await openLaboratory(t)
  const { broker, sql } = laboratory
  await laboratory.start({ settings: { retain_messages: true } })
  await sql(`update "NEMO_tool" set operational = false where id = 1`)
  await sql(`update "NEMO_tool" set operational = true where id = 1`)
  await sql(
    `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, start) values (1, 1, 1, 1, now())`,
  )
  await sql(`update "NEMO_usageevent" set "end" = now() where "end" is null`)
  await sql(`update "NEMO_tool" set name = 'Another name' where id = 1`)
  await delivered(laboratory)
  const fresh = await startSubscriber({ url: broker.url, topics: ['nemo/tools/1/#'] })
  t.teardown(() => fresh.stop())
  t.match(await fresh.waitFor(1), [{ topic: 'nemo/tools/1', retain: true, raw: /Another name/ }])
  await sql(`update "NEMO_tool" set name = 'A third one' where id = 1`)
  await fresh.waitFor(({ raw }) => raw.includes('A third one'))
  t.equal(fresh.messages.length, 2, 'nothing else was kept')
})
