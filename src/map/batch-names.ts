import type { Change } from '../change.ts'
import { type Columns, columnsOf, compareDigits, RowHistory } from './history.ts'
import type { InterlockedTool, Lookup, Name, ReservationSpan, ToolNames } from './lookup.ts'
import { LOOKUP_NAMES, LOOKUP_TABLES, type LookupName } from './lookup-tables.ts'
import { type NameFormat, namePerson, type Person } from './person.ts'
import type { Remembered } from './remembered.ts'
import { digitsOf } from './row.ts'

/** Rows as they were last seen, for what has been deleted since. */
export type LastSeen = Readonly<Record<LookupName, Remembered<Columns>>>

/**
 * Everything that was looked up for one batch of changes. Tools, areas and reservations are told as they were at each
 * change; users and all others, whose names are not captured, as they are now. What no longer exists is told as it was
 * last seen.
 */
export class BatchNames {
  readonly #seen: LastSeen
  readonly #format: NameFormat
  readonly #rows: Readonly<Record<LookupName, RowHistory>> = {
    tools: new RowHistory(LOOKUP_TABLES.tools.columns),
    areas: new RowHistory(LOOKUP_TABLES.areas.columns),
    reservations: new RowHistory(LOOKUP_TABLES.reservations.columns),
    users: new RowHistory(LOOKUP_TABLES.users.columns),
    projects: new RowHistory(LOOKUP_TABLES.projects.columns),
    resources: new RowHistory(LOOKUP_TABLES.resources.columns),
    consumables: new RowHistory(LOOKUP_TABLES.consumables.columns),
    interlocks: new RowHistory(LOOKUP_TABLES.interlocks.columns),
  }
  readonly #persons = new Map<string, Person>()

  constructor(seen: LastSeen, format: NameFormat) {
    this.#seen = seen
    this.#format = format
  }

  /** Adds a change of the batch, if the log has what is looked up in its table. */
  addChange(change: Change): void {
    const name = NAME_OF_TABLE.get(change.table)
    const row = change.old ?? change.new
    const id = row === null ? null : digitsOf(row, 'id')
    if (name === undefined || row === null || id === null) return
    this.#rows[name].addChange(id, change)
    this.#seen[name].see(id, columnsOf(change.new ?? row, LOOKUP_TABLES[name].columns))
  }

  /** Adds a row as it was after the batch. */
  addRow(name: LookupName, id: string, row: Columns): void {
    this.#rows[name].setAfter(id, row)
    this.#seen[name].see(id, row)
  }

  /** What a mapper may ask about one change. */
  at(changeId: string): Lookup {
    return new LookupAt(this, changeId)
  }

  /** Ids of the rows of a table of which anything is known. */
  ids(name: LookupName): string[] {
    return this.#rows[name].ids()
  }

  /** Ids of the parent tools that the tools name and of which nothing is known. */
  unknownParents(): string[] {
    const { tools } = this.#rows
    const parents = tools.ids().flatMap((id) => tools.after(id)?.parent_tool_id ?? [])
    return [...new Set(parents)].filter((id) => tools.after(id) === undefined)
  }

  /** A row as it was at a change, or undefined when it did not exist then. */
  existing(name: LookupName, id: string, changeId: string): Columns | undefined {
    return this.#rows[name].at(id, changeId)
  }

  /** A row as it was at a change, or else as it was last seen. */
  known(name: LookupName, id: string | null, changeId: string): Columns | undefined {
    return id === null ? undefined : (this.existing(name, id, changeId) ?? this.#seen[name].get(id))
  }

  /** A user in the laboratory's format; one object a batch, because a batch is often about the same few people. */
  person(id: string, changeId: string): Person | undefined {
    const known = this.#persons.get(id)
    if (known !== undefined) return known
    const row = this.known('users', id, changeId)
    if (row === undefined) return undefined
    const names = {
      username: text(row, 'username'),
      firstName: text(row, 'first_name'),
      lastName: text(row, 'last_name'),
    }
    const person = namePerson(names, this.#format)
    this.#persons.set(id, person)
    return person
  }
}

const NAME_OF_TABLE: ReadonlyMap<string, LookupName> = new Map(
  LOOKUP_NAMES.filter((name) => LOOKUP_TABLES[name].isWatched).map((name) => [LOOKUP_TABLES[name].table, name]),
)

class LookupAt implements Lookup {
  readonly #names: BatchNames
  readonly #changeId: string

  constructor(names: BatchNames, changeId: string) {
    this.#names = names
    this.#changeId = changeId
  }

  tool(id: string | null): ToolNames | undefined {
    const row = this.#names.known('tools', id, this.#changeId)
    if (row === undefined) return undefined
    const operational = text(row, 'operational')
    return {
      name: text(row, 'name'),
      parentToolId: text(row, 'parent_tool_id'),
      operational: operational === null ? null : operational === 'true',
    }
  }

  category(toolId: string): string | null {
    const row = this.#names.known('tools', toolId, this.#changeId)
    const parent =
      row === undefined ? undefined : this.#names.known('tools', text(row, 'parent_tool_id'), this.#changeId)
    return text(row ?? {}, 'category') ?? text(parent ?? {}, 'category')
  }

  children(toolId: string): readonly string[] {
    return this.#names
      .ids('tools')
      .filter((id) => this.#names.existing('tools', id, this.#changeId)?.parent_tool_id === toolId)
      .sort(compareDigits)
  }

  user(id: string | null): Person | undefined {
    return id === null ? undefined : this.#names.person(id, this.#changeId)
  }

  area(id: string | null): Name | undefined {
    return named(this.#names.known('areas', id, this.#changeId))
  }

  project(id: string | null): Name | undefined {
    return named(this.#names.known('projects', id, this.#changeId))
  }

  resource(id: string | null): Name | undefined {
    return named(this.#names.known('resources', id, this.#changeId))
  }

  consumable(id: string | null): Name | undefined {
    return named(this.#names.known('consumables', id, this.#changeId))
  }

  interlocked(interlockId: string | null): InterlockedTool | undefined {
    const row = this.#names.known('interlocks', interlockId, this.#changeId)
    const toolId = row === undefined ? null : text(row, 'id')
    return row === undefined || toolId === null ? undefined : { toolId, name: text(row, 'name') }
  }

  reservation(id: string | null): ReservationSpan | undefined {
    const row = this.#names.known('reservations', id, this.#changeId)
    return row === undefined ? undefined : { start: text(row, 'start'), end: text(row, 'end') }
  }
}

function text(row: Columns, column: string): string | null {
  return row[column] ?? null
}

function named(row: Columns | undefined): Name | undefined {
  return row === undefined ? undefined : { name: text(row, 'name') }
}
