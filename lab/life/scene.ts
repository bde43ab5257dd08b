import type { NemoWriter, Row } from './nemo-writer.ts'
import type { Random } from './random.ts'

/** What an act has to work with. */
export interface Scene {
  readonly nemo: NemoWriter
  readonly random: Random
  /** Announces what the people in the laboratory are about to do. */
  say(what: string): void
}

/** Something that people in a laboratory do. It gives false, and does nothing, when it is not possible right now. */
export type Act = (scene: Scene) => Promise<boolean>

/** A random active user; one of the staff if asked for. */
export async function somebody(scene: Scene, who: 'anyone' | 'staff' = 'anyone'): Promise<Row> {
  const where = who === 'staff' ? 'is_active and is_staff' : 'is_active'
  return scene.random.one(await scene.nemo.rows(`select * from "NEMO_user" where ${where} order by id`)) ?? {}
}

/** A random project, as a number. */
export async function someProject(scene: Scene): Promise<number> {
  const rows = await scene.nemo.rows('select id from "NEMO_project" where active order by id')
  return Number(scene.random.one(rows)?.id)
}

/** A person's name as it is said. */
export function nameOf(user: Row): string {
  return `${user.first_name} ${user.last_name}`
}

/** The row of a table with this id. */
export async function rowOf(scene: Scene, table: string, id: string | number | null | undefined): Promise<Row> {
  const [row] = await scene.nemo.rows(`select * from "${table}" where id = $1`, [Number(id)])
  if (row === undefined) throw new Error(`${table} has no row ${id}`)
  return row
}

/** NEMO numbers ended usages and access records, so that only one open one per tool, or per person and area, exists. */
export async function nextHasEnded(scene: Scene, table: string): Promise<number> {
  const [row] = await scene.nemo.rows(`select coalesce(max(has_ended), 0) + 1 as next from "${table}"`)
  return Number(row?.next)
}
