import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_ROOT } from '../version.ts'

const FOLDER = join(PACKAGE_ROOT, 'sql')

/** One file of `sql/`. */
export interface SqlFile {
  /** Without folder and `.sql`: the name under which it is recorded. */
  readonly name: string
  readonly sql: string
}

/** A NEMO table that one of the files puts under watch. */
export interface ShippedWatch {
  readonly file: SqlFile
  readonly table: string
  readonly noise: readonly string[]
}

/** The migrations that this release ships, in the order in which they are applied. */
export function migrationFiles(): readonly SqlFile[] {
  const names = readdirSync(FOLDER).filter((name) => /^\d{6}_\w+\.sql$/.test(name))
  return names.sort().map((name) => readSql(name.slice(0, -'.sql'.length)))
}

/** What takes everything away again. */
export function uninstallSql(): string {
  return readSql('uninstall').sql
}

/** The tables that the migrations watch, read from their one line: the files are the only list there is. */
export function shippedWatches(files: readonly SqlFile[]): readonly ShippedWatch[] {
  return files.flatMap((file) => {
    const [, call] = /^select nemo_mqtt\.watch\(([^)]*)\)/m.exec(file.sql) ?? []
    const [table, ...noise] = [...(call ?? '').matchAll(/'(\w+)'/g)].map(([, name]) => name ?? '')
    return table === undefined ? [] : [{ file, table, noise }]
  })
}

/** A function as the migrations make it, in the form of pg_proc's columns. */
export interface ShippedFunction {
  readonly body: string
  readonly settings: readonly string[]
}

/** Our functions that must be those of this release: a wrong one loses changes or messages. */
export const SHIPPED_FUNCTIONS = ['tg_capture()', 'emit(text, jsonb)'] as const

/** One of our functions, by name and arguments, from the last file that makes it. */
export function shippedFunction(
  files: readonly SqlFile[],
  signature: (typeof SHIPPED_FUNCTIONS)[number],
): ShippedFunction {
  const [name = ''] = signature.split('(')
  const tag = `\\$${name}\\$`
  const made = new RegExp(`function nemo_mqtt\\.${name}\\([^)]*\\) returns([\\s\\S]*?)${tag}([\\s\\S]*?)${tag}`, 'g')
  const last = files.flatMap((file) => [...file.sql.matchAll(made)]).at(-1)
  if (last?.[1] === undefined || last[2] === undefined) throw new Error(`no file of sql/ makes nemo_mqtt.${signature}`)
  const settings = [...last[1].matchAll(/^ *set (\w+) = '([^']*)'/gm)]
  return { body: last[2], settings: settings.map(([, name, value]) => `${name}=${value || '""'}`) }
}

function readSql(name: string): SqlFile {
  return { name, sql: readFileSync(join(FOLDER, `${name}.sql`), 'utf8') }
}
