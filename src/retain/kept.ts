import type { Queryable } from '../db/database.ts'

/** Topics that hold, or may hold, a retained message of ours. @throws the driver's error */
export async function keptTopics(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ topic: string }>('select topic from nemo_mqtt.retained_topic')
  return rows.map(({ topic }) => topic)
}

/** To be called before the first message on these topics: a crash in between leaves a topic to be emptied, and no orphan. @throws the driver's error */
export async function keepTopics(client: Queryable, topics: readonly string[]): Promise<void> {
  await client.query('insert into nemo_mqtt.retained_topic select unnest($1::text[]) on conflict do nothing', [topics])
}

/** To be called when the broker has emptied these topics. @throws the driver's error */
export async function forgetTopics(client: Queryable, topics: readonly string[]): Promise<void> {
  await client.query('delete from nemo_mqtt.retained_topic where topic = any($1)', [topics])
}
