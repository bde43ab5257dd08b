import { readFileSync } from 'node:fs'
import type { PostgresServer } from './postgres.ts'

/** The SQL text of the sample NEMO: tables, version, people, projects, areas and tools. */
export function sampleNemoSql(): string {
  // Seen from dist/lab: the compiler copies no SQL.
  return readFileSync(new URL('../../lab/sample-nemo.sql', import.meta.url), 'utf8')
}

/** Makes a database with the sample NEMO in it and gives its URL. */
export async function createSampleNemo(postgres: PostgresServer, name = 'nemo'): Promise<string> {
  const url = await postgres.createDatabase(name)
  await postgres.execute(name, sampleNemoSql())
  return url
}
