import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Change, Operation, Row } from '../../src/change.ts'
import { BatchNames, type LastSeen } from '../../src/map/batch-names.ts'
import { columnsOf } from '../../src/map/history.ts'
import { parseRow } from '../../src/map/index.ts'
import type { Lookup } from '../../src/map/lookup.ts'
import { LOOKUP_NAMES, LOOKUP_TABLES, type LookupTable } from '../../src/map/lookup-tables.ts'
import { Remembered } from '../../src/map/remembered.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'

/** Where the golden files are: a folder for every NEMO table, a file for every change. */
export const GOLDEN_FOLDER = join(PACKAGE_ROOT, 'test', 'golden')

/** A change and the events that it must become. */
export interface Golden {
  readonly file: string
  readonly description: string
  readonly change: Change
  /** Rows of other tables, in the database's words: table, id, column. */
  readonly lookup: Readonly<Record<string, Readonly<Record<string, Row>>>>
  readonly expected: ReadonlyArray<{ readonly topic: string; readonly body: Row }>
}

/** Names of the folders with golden files. */
export function goldenTables(): string[] {
  return readdirSync(GOLDEN_FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
}

/** The golden files of one NEMO table. */
export function readGolden(table: string): Golden[] {
  const folder = join(GOLDEN_FOLDER, table)
  return readdirSync(folder)
    .sort()
    .map((name) => {
      // Ids beyond 2^53 must not be rounded on their way into the test either.
      const { description, change, lookup, expected } = parseRow(readFileSync(join(folder, name), 'utf8')) as Row &
        Golden
      const captured = {
        id: '1',
        at: '2026-11-25T04:34:05.407914Z',
        operation: 'UPDATE' satisfies Operation,
        old: null,
        new: null,
      }
      return { file: `${table}/${name}`, description, change: { ...captured, ...change, table }, lookup, expected }
    })
}

/** A {@link Lookup} on the rows of a golden file. */
export function goldenLookup(golden: Golden): Lookup {
  const names = new BatchNames(nothingSeen(), 'first_last')
  for (const name of LOOKUP_NAMES) {
    const { table, key, columns }: LookupTable = LOOKUP_TABLES[name]
    const rows = golden.lookup[key === undefined ? table : `${table} by ${key}`]
    for (const [id, row] of Object.entries(rows ?? {})) names.addRow(name, id, columnsOf(row, columns))
  }
  return names.at(golden.change.id)
}

/** A memory that is empty. */
export function nothingSeen(): LastSeen {
  return {
    tools: new Remembered(10),
    areas: new Remembered(10),
    reservations: new Remembered(10),
    users: new Remembered(10),
    projects: new Remembered(10),
    resources: new Remembered(10),
    consumables: new Remembered(10),
    interlocks: new Remembered(10),
  }
}
