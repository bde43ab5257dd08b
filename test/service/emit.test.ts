import { createHmac } from 'node:crypto'
import t from 'tap'
import { until } from '../../lab/wait.ts'
import { delivered, openLaboratory } from './laboratory.ts'

t.setTimeout(120_000)

t.test('what is emitted arrives signed and in order, what is rolled back never', async (t) => {
  const lab = await openLaboratory(t)
  const service = await lab.start({ settings: { use_hmac: true, hmac_secret_key: 'key' } })
  await service.says('bridge', 'ok')
  await lab.sql(`create table public.door (id int, is_open boolean);
    create function public.tell() returns trigger language plpgsql as
      $$ begin perform nemo_mqtt.emit('own/doors/' || new.id, to_jsonb(new)); return null; end $$;
    create trigger tell after insert on public.door for each row execute function public.tell()`)
  await lab.sql(`begin; insert into public.door values (8, true); rollback`)
  await lab.sql(`select nemo_mqtt.emit('bridge/state', '"offline"')`)
  await lab.sql(`insert into public.door select 7, n % 2 = 0 from generate_series(1, 4) n`)
  const told = () => lab.subscriber.messages.filter(({ topic }) => topic.startsWith('nemo/own/doors/'))
  await until(() => told().length === 4, { what: 'four messages' })
  const payloads = told().map(({ payload }) => {
    const envelope = JSON.parse(payload) as { payload: string; hmac: string }
    t.equal(envelope.hmac, createHmac('sha256', 'key').update(envelope.payload).digest('hex'))
    return JSON.parse(envelope.payload) as Record<string, unknown>
  })
  t.strictSame(
    payloads.map(({ is_open }) => is_open),
    [false, true, false, true],
  )
  t.equal(new Set(payloads.map(({ event_id }) => event_id)).size, 4)
  const aside = await lab.sql('delete from nemo_mqtt.unmapped returning reason')
  t.match(aside, [{ reason: /"bridge\/state" is below bridge/ }])
  t.notOk(lab.subscriber.messages.some(({ payload }) => /offline/.test(payload)))
  await delivered(lab)
})
