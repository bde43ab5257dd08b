import type { Row } from '../change.ts'
import type { Person } from './person.ts'
import { digitsOf } from './row.ts'

/** What a mapper may ask about a `NEMO_tool`. */
export interface ToolNames {
  readonly name: string | null
  /** Digits of the parent's id; null for a root tool. */
  readonly parentToolId: string | null
  /** The tool's own column, which means something on a root tool only. */
  readonly operational: boolean | null
}

/** What a mapper may ask about a `NEMO_area`, `NEMO_project`, `NEMO_resource` or `NEMO_consumable`. */
export interface Name {
  readonly name: string | null
}

/** The `NEMO_tool` behind an interlock; the id is digits. */
export interface InterlockedTool extends Name {
  readonly toolId: string
}

/** When a `NEMO_reservation` is, as jsonb writes times. */
export interface ReservationSpan {
  readonly start: string | null
  readonly end: string | null
}

/**
 * What one change refers to, as it was at the time of the change. Everything was fetched before, so asking costs
 * nothing and cannot fail; what does not exist is undefined, and so is what has the id null. Ids are digits, because
 * they can exceed 2^53.
 */
export interface Lookup {
  tool(id: string | null): ToolNames | undefined
  /** Category of a tool; that of its parent for a child tool, which has none of its own. */
  category(toolId: string): string | null
  /** Ids of the child tools that a root tool had, ascending. Only for tools in {@link Wanted.children}. */
  children(toolId: string): readonly string[]
  user(id: string | null): Person | undefined
  area(id: string | null): Name | undefined
  project(id: string | null): Name | undefined
  resource(id: string | null): Name | undefined
  consumable(id: string | null): Name | undefined
  /** The tool that an interlock locks. */
  interlocked(interlockId: string | null): InterlockedTool | undefined
  reservation(id: string | null): ReservationSpan | undefined
}

/** The ids that some changes will be asked about, collected so that a batch takes one query a table. */
export interface Wanted {
  readonly tools: Set<string>
  /** Root tools whose child tools are wanted, each with its names. */
  readonly children: Set<string>
  readonly users: Set<string>
  readonly areas: Set<string>
  readonly projects: Set<string>
  readonly reservations: Set<string>
  readonly resources: Set<string>
  readonly consumables: Set<string>
  /** Interlocks whose tools are wanted. */
  readonly interlocks: Set<string>
}

/** A {@link Wanted} without any ids yet. */
export function nothingWanted(): Wanted {
  return {
    tools: new Set(),
    children: new Set(),
    users: new Set(),
    areas: new Set(),
    projects: new Set(),
    reservations: new Set(),
    resources: new Set(),
    consumables: new Set(),
    interlocks: new Set(),
  }
}

/** Adds the id in a column of a row, if it has one. */
export function want(ids: Set<string>, row: Row | null, column: string): void {
  const digits = row === null ? null : digitsOf(row, column)
  if (digits !== null) ids.add(digits)
}
