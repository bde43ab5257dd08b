import { isDeepStrictEqual } from 'node:util'
import { stringify } from 'lossless-json'
import type { Change, Row } from '../../change.ts'
import { customEvent } from '../../map/custom.ts'
import { differing } from '../../map/difference.ts'
import type { MappedEvent } from '../../map/mapped.ts'
import { filledPayload, filledTopic, type Rows } from './placeholders.ts'
import { MOMENTS, type Rule, type Test } from './rule.ts'

/** The messages that rules make of a change, in the order of the rules. */
export function customEventsOf(change: Change, rules: readonly Rule[]): MappedEvent[] {
  const row = change.new ?? change.old
  if (row === null) return []
  const rows: Rows = { row, old: change.old }
  return rules.flatMap(({ table, when, condition, topic, payload }) => {
    const isMeant = table === change.table && MOMENTS[when] === change.operation
    if (!isMeant || ![...condition].every(([column, test]) => holds(column, test, rows))) return []
    const json = stringify(filledPayload(payload, rows)) ?? 'null'
    return [customEvent(filledTopic(topic, rows), json, change.at)]
  })
}

function holds(column: string, test: Test, { row, old }: Rows): boolean {
  const value = row[column]
  const isOther = (): boolean => old !== null && hasChanged(old, row, column)
  return (
    (!('equals' in test) || isSame(value, test.equals)) &&
    (test.in === undefined || test.in.some((one) => isSame(value, one))) &&
    (test.changed === undefined || isOther() === test.changed) &&
    (!('changed_to' in test) || (isOther() && isSame(value, test.changed_to)))
  )
}

// A column may hold a time or not: a text that is none is compared as it is.
function hasChanged(old: Row, row: Row, column: string): boolean {
  return differing(old, row, { [column]: 'time' }).length > 0
}

// A column that is not captured equals nothing, not even null.
function isSame(value: unknown, wanted: unknown): boolean {
  if (typeof value === 'bigint') return String(value) === String(wanted)
  return isDeepStrictEqual(value, wanted)
}
