import t from 'tap'
import { until } from '../../lab/wait.ts'
import { migrate } from '../../src/db/migrate.ts'
import { ConfiguredLaboratory, done, nothingThrown } from './configured.ts'
import { delivered } from './laboratory.ts'

t.setTimeout(180_000)

t.test(
  'a stored rule makes messages at once, tells when its table is not watched, and ends when it is unset',
  async (t) => {
    const lab = await ConfiguredLaboratory.open(t)
    const { sql, databaseUrl } = lab.laboratory
    const { seen } = await lab.fresh(t)
    const service = await lab.start(t)
    await service.says('bridge', 'ok')
    await sql('create table "NEMO_door" (id int, name text)')
    const rules = JSON.stringify([
      {
        table: 'NEMO_tool',
        when: 'updated',
        condition: { location: { changed: true } },
        topic: 'own/tools/{name}',
        payload: { event: 'tool_moved', tool: '{id}', from: '{old.location}' },
      },
      { table: 'NEMO_door', when: 'inserted', topic: 'own/doors/{id}', payload: { door: '{name}' } },
    ])
    await done(lab.config.set('lab', [`custom_events=${rules}`]))
    await service.says('schema', 'failing')
    t.ok(service.lines.some(({ msg }) => /rule 2 of custom_events is about NEMO_door, which is not watched/.test(msg)))
    await migrate({ url: databaseUrl, print: () => undefined, watch: ['NEMO_door'] })

    const own = () => seen.messages.filter(({ topic }) => topic.startsWith('nemo/own/'))
    await sql(`update "NEMO_tool" set name = 'FIB/SEM', location = 'Bay 33' where id = 4`)
    await sql(`insert into "NEMO_door" values (9, 'North')`)
    await until(() => own().length === 2, { what: 'both messages' })
    await delivered(lab.laboratory)
    const moved = own().find(({ topic }) => topic === 'nemo/own/tools/FIB_SEM')?.parsed
    t.match(moved, { event: 'tool_moved', tool: 4, event_id: /-1$/ })
    const updated = seen.messages.find(({ payload }) => payload.includes('"tool_updated"'))?.parsed
    t.match(updated, { event_id: /-0$/ }, 'the standard event is what it was')
    t.match(own().find(({ topic }) => topic === 'nemo/own/doors/9')?.parsed, { door: 'North' })

    const from = service.lines.length
    await done(lab.config.unset('lab', ['custom_events']))
    await until(() => service.lines.slice(from).some(({ msg }) => msg.startsWith('in force is')), {
      what: 'the end of it',
    })
    await sql(`update "NEMO_tool" set name = 'FIB', location = 'Bay 4' where id = 4`)
    await delivered(lab.laboratory)
    await seen.waitFor(({ payload }) => payload.includes('"tool_name":"FIB"'))
    t.equal(own().length, 2)
    t.match(await lab.config.set('lab', ['custom_events=[{"table": "NEMO_tool"}]']), {
      code: 2,
      notes: /rule 1, when: /,
    })
    nothingThrown(t, service)
  },
)
