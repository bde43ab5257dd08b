import t, { type Test } from 'tap'
import { live } from '../../lab/life.ts'
import { eventsLike } from '../../src/choose/event-patterns.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { ConfiguredLaboratory, nothingThrown } from '../service/configured.ts'
import { delivered, withRedis } from '../service/laboratory.ts'

/** A day of laboratory life with privacy, and one without: where do people show? */
t.setTimeout(180_000)

const lab = await ConfiguredLaboratory.open(t)
const { sql, redis, databaseUrl } = lab.laboratory

/** Everything that is written of people in the sample: words that stand nowhere else. */
async function personalWords(): Promise<string[]> {
  const users = await sql('select username, first_name, last_name, email from "NEMO_user"')
  const projects = await sql('select name from "NEMO_project"')
  const words = [...users, ...projects].flatMap((row) => Object.values(row).map(String))
  // Training is a project, and the name of a key.
  return [...new Set([...words, ...SECRETS])].filter((word) => word.length > 2 && word !== 'Training')
}

const SECRETS = ['Ask Yusuf about the lamp', 'Seen by marie@lab.example', 'Thesis of Wei']
const ACTS = 250

/** What happens beside the simulated life: text that people write, an operator for another user, and every deletion. */
const BESIDE = `
  insert into "NEMO_task" (tool_id, creator_id, title, problem_description, urgency, safety_hazard, force_shutdown,
    creation_time) values (1, 3, '${SECRETS[0]}', '${SECRETS[1]}', 0, false, false, now());
  update "NEMO_reservation" set title = '${SECRETS[2]}';
  insert into "NEMO_usageevent" (operator_id, project_id, tool_id, user_id, start, "end", has_ended)
    values (1, 2, 5, 8, now() - interval '1 h', now(), 77);
  update "NEMO_usageevent" set user_id = 7 where has_ended = 77;
  delete from "NEMO_usageevent";
  delete from "NEMO_reservation";
  delete from "NEMO_areaaccessrecord"`

interface Day {
  /** Everything that left the house or was kept, as one text a place. */
  readonly places: Readonly<Record<string, string>>
  readonly events: ReadonlySet<string>
  readonly bodies: ReadonlyArray<Record<string, unknown>>
}

async function day(t: Test, ...assignments: string[]): Promise<Day> {
  const { seen } = await lab.fresh(t, 'log_messages=true', 'topic_template={prefix}/{topic}/{name}', ...assignments)
  await sql('delete from nemo_mqtt.message_log')
  const service = await lab.start(t)
  await service.says('bridge', 'ok')
  await live({ url: databaseUrl, seed: 11, rate: Number.POSITIVE_INFINITY, acts: ACTS })
  await sql(BESIDE)
  await delivered(lab.laboratory)
  await seen.waitFor(({ payload }) => payload.includes('"area_access_deleted"'))
  nothingThrown(t, service)
  await service.stop() // the message log is written to its end
  const monitor = await withRedis(redis, (client) => client.lrange(KEYS.monitor, 0, -1))
  const logged = await sql('select * from nemo_mqtt.message_log')
  const bodies = seen.messages.flatMap(({ parsed }) =>
    (parsed as { event?: string })?.event ? [parsed as Record<string, unknown>] : [],
  )
  t.ok(monitor.length > 50, `${monitor.length} in the monitor list`)
  t.ok(logged.length > ACTS, `${logged.length} in the message log`)
  return {
    places: {
      payloads: seen.messages.map(({ raw }) => raw).join('\n'),
      topics: seen.messages.map(({ topic }) => topic).join('\n'),
      'user properties': JSON.stringify(seen.messages.map(({ properties }) => properties)),
      'monitor list': monitor.join('\n'),
      'message log': JSON.stringify(logged),
      'log of the service': service.output,
    },
    events: new Set(bodies.map(({ event }) => String(event))),
    bodies,
  }
}

/** Where one of the words stands, whatever its letters are written with. */
function found({ places }: Day, words: readonly string[]): string[] {
  return Object.entries(places).flatMap(([place, text]) =>
    words
      .filter((word) => new RegExp(`(?<![\\p{L}])${word.replaceAll(/[.+?]/g, '\\$&')}(?![\\p{L}])`, 'iu').test(text))
      .map((word) => `${place}: ${word}`),
  )
}

const PEOPLE = ['user_id', 'user_name', 'operator_id', 'operator_name', 'username', 'first_name', 'last_name']

t.test(
  'with privacy nothing personal is in any message, topic, property, log or list; without it is there',
  async (t) => {
    const words = await personalWords()
    const open = await day(t)
    const shown = found(open, words)
    for (const word of ['Lindqvist', 'ada', 'Photonic crystals', ...SECRETS]) {
      t.ok(shown.includes(`payloads: ${word}`), `without privacy ${word} is told`)
      t.ok(shown.includes(`message log: ${word}`), `and kept`)
    }
    const closed = await day(t, 'privacy=true')
    t.strictSame(found(closed, words), [])
    for (const body of closed.bodies) {
      for (const key of [...PEOPLE, 'project_name', 'title', 'problem_description']) {
        if (key in body && body[key] !== null) t.fail(`${body.event} has ${key} ${String(body[key])}`)
      }
    }
    const keysOf = (day: Day): Record<string, string> =>
      Object.fromEntries(day.bodies.map((body) => [String(body.event), Object.keys(body).join()]))
    const keys = keysOf(open)
    for (const [event, list] of Object.entries(keysOf(closed)))
      if (event in keys) t.equal(list, keys[event], `${event} has its keys`)
    t.ok(
      closed.bodies.some(({ project_id }) => Number.isInteger(project_id)),
      'the id of a project stays',
    )
    t.ok(
      closed.bodies.some(({ tool_name }) => typeof tool_name === 'string'),
      'and the names of tools',
    )
    for (const part of ['tool_usage_*', 'reservation_*', 'area_access*', 'task_*']) {
      t.ok(
        eventsLike(part).some((event) => closed.events.has(event)),
        `the day had ${part}`,
      )
    }
  },
)

for (const format of ['initials', 'none']) {
  t.test(`names as ${format}: no field holds a name; the ids of people stay`, async (t) => {
    const people = await sql('select username, first_name, last_name, email from "NEMO_user"')
    const words = [...new Set(people.flatMap((row) => Object.values(row).map(String)))].filter(
      (word) => word.length > 2,
    )
    const { places, events, bodies } = await day(t, `user_name_format=${format}`)
    // What people write is theirs to choose; the sample has names in it on purpose.
    const withoutText = Object.fromEntries(
      Object.entries(places).map(([place, text]) => [
        place,
        SECRETS.reduce((left, secret) => left.replaceAll(secret, ''), text),
      ]),
    )
    t.strictSame(found({ places: withoutText, events, bodies }, words), [])
    t.ok(bodies.some(({ user_id }) => Number.isInteger(user_id)))
    const shown = new Set(bodies.flatMap(({ user_name, operator_name }) => [user_name, operator_name]))
    if (format === 'none')
      t.strictSame(
        [...shown].filter((name) => name !== null && name !== undefined),
        [],
      )
    else t.ok(shown.has('A. L.'), [...shown].join())
  })
}
