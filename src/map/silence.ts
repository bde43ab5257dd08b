import { isDeepStrictEqual } from 'node:util'
import type { Change, Row } from '../change.ts'
import { differing } from './difference.ts'

/**
 * Why a change became no event, in words for people: which columns differ, and what the mappers make of that. Names
 * columns and never a value. Only for changes of which the mapper has said that nothing is to be told.
 */
export function whySilent(change: Change): string {
  const { old, new: row, table } = change
  const present = row ?? old ?? {}
  if (table === 'NEMO_areaaccessrecord' && [old, row].every((one) => one === null || isCharge(one))) {
    return 'it has a staff charge: it bills somebody who is not there, so it is no visit'
  }
  if (old === null) return insertion(table, present)
  if (row === null) return deletion(table, present)
  const columns = [...new Set([...Object.keys(old), ...Object.keys(row)])]
  const differ = columns.filter((column) => !isDeepStrictEqual(old[column], row[column]))
  if (differ.length === 0) return 'no column differs: it was saved without a change'
  const special = SPECIAL[table]?.(differ, row)
  if (special !== undefined) return special
  const resaved = differ.filter((column) => differing(old, row, { [column]: 'time' }).length === 0)
  const real = differ.filter((column) => !resaved.includes(column))
  const parts = [
    real.length === 0 ? '' : `only ${listed(real)} ${real.length === 1 ? 'differs' : 'differ'}, which makes no event`,
    resaved.length === 0
      ? ''
      : `${listed(resaved)} ${resaved.length === 1 ? 'was' : 'were'} saved anew with the same meaning ` +
        '(less than a second apart, or empty text for NULL)',
  ]
  return parts.filter((part) => part !== '').join('; ')
}

/** What only one table knows; undefined when it has nothing to say about these columns. */
const SPECIAL: Readonly<Record<string, (differ: readonly string[], row: Row) => string | undefined>> = {
  NEMO_tool: (differ, { parent_tool_id: parent }) =>
    differ.includes('operational') && parent !== null && parent !== undefined
      ? `${differed(differ)}, and whether a child tool works is told by its parent alone`
      : undefined,
  NEMO_reservation: (differ, { cancelled }) =>
    differ.includes('shortened') && cancelled === true
      ? `${differed(differ)}, and the reservation was cancelled before`
      : undefined,
}

function insertion(table: string, row: Row): string {
  const ended = endsOf(table, row)
  if (ended.length > 0) return `it was ${listed(ended)} when it was entered: it never held`
  return 'it was added, which makes no event for one of these'
}

function deletion(table: string, row: Row): string {
  const ended = endsOf(table, row)
  if (ended.length > 0) return `it was deleted, and it was ${listed(ended)} before`
  if (table === 'NEMO_scheduledoutage') return 'it was deleted when its end had passed: nothing was cancelled'
  return 'it was deleted, and no event tells the deletion of one of these'
}

/** Flags that say that it is over. */
const ENDS: Readonly<Record<string, readonly string[]>> = {
  NEMO_reservation: ['cancelled', 'missed', 'shortened'],
  NEMO_toolwaitlist: ['deleted', 'expired'],
  NEMO_alert: ['deleted', 'expired'],
}

function endsOf(table: string, row: Row): readonly string[] {
  return (ENDS[table] ?? []).filter((flag) => row[flag] === true)
}

function isCharge(row: Row): boolean {
  return row.staff_charge_id !== null && row.staff_charge_id !== undefined
}

function differed(columns: readonly string[]): string {
  return `${listed(columns)} ${columns.length === 1 ? 'differs' : 'differ'}`
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
