import t from 'tap'
import type { Change, Row } from '../../src/change.ts'
import { MAPPED_TABLES, type MappedTable, mapChange } from '../../src/map/index.ts'
import { goldenLookup, readGolden } from './golden.ts'

/**
 * Columns that people or NEMO write without anything having happened that an event tells: billing, bookkeeping, and
 * what is captured for later. Most never reach the mapper, because the trigger leaves them out; that must not matter.
 */
const QUIET: Readonly<Record<MappedTable, readonly string[]>> = {
  NEMO_tool: ['location', 'phone_number', 'description', 'interlock_id', 'primary_owner_id', 'tool_calendar_color'],
  NEMO_usageevent: ['project_id', 'has_ended', 'validated', 'waived', 'run_data', 'pre_run_data', 'note'],
  NEMO_task: ['last_updated', 'last_updated_by_id', 'resolver_id', 'resolution_time', 'problem_category_id'],
  NEMO_area: ['lft', 'rght', 'level', 'tree_id', 'category', 'count_staff_in_occupancy', 'abuse_email'],
  NEMO_reservation: ['project_id', 'creator_id', 'cancelled_by_id', 'cancellation_time', 'note', 'invitee_id'],
  NEMO_areaaccessrecord: ['project_id', 'has_ended', 'validated', 'waived_by_id'],
  NEMO_scheduledoutage: ['creator_id', 'reminder_days', 'reminder_emails'],
  NEMO_toolwaitlist: ['date_exited', 'date_entered'],
  NEMO_alert: ['dismissible', 'creator_id'],
  NEMO_resource: ['category_id'],
  NEMO_interlock: ['most_recent_reply', 'most_recent_reply_time', 'name', 'card_id', 'channel'],
  NEMO_consumablewithdraw: ['validated', 'waived', 'quantity', 'project_id'],
  NEMO_user: ['last_login', 'preferences_id', 'notes', 'email', 'username'],
}

/** What a save writes into a column whose value nobody touched. */
const RESAVED = {
  'the same value': (value) => value,
  // NEMO's admin pages show no microseconds and know no NULL text (seen on 4.7.1, 8.1.5 and NEMO-CE).
  'a time without its microseconds': (value) => (isTime(value) ? value.replace(/\.\d+/, '') : value),
  'a time as another session writes it': (value) => (isUtc(value) ? inTokyo(value) : value),
  "'' for NULL text": (value, column) => (value === null && isText(column) ? '' : value),
  "NULL for ''": (value) => (value === '' ? null : value),
} satisfies Record<string, (value: unknown, column: string) => unknown>

for (const table of MAPPED_TABLES) {
  for (const [what, resaved] of Object.entries(RESAVED)) {
    t.test(`C93 C94 ${table}: a save that writes ${what}, and only noise otherwise, makes no event`, async (t) => {
      const rows = rowsOf(table)
      t.ok(rows.length > 10, 'there are rows to try it with')
      for (const { file, row, lookup } of rows) {
        for (const quiet of [[], ...QUIET[table].map((column) => [column]), QUIET[table], ['column_of_tomorrow']]) {
          const saved = Object.entries(row).map(([column, value]) => [column, resaved(value, column)])
          const after: Row = {
            ...Object.fromEntries(saved),
            ...Object.fromEntries(quiet.map((column) => [column, 77])),
          }
          const events = mapChange(updateOf(table, row, after), lookup)
          if (events.length > 0) t.fail(`${file}: ${events.map(({ body }) => body.event)} for ${quiet} and ${what}`)
        }
      }
    })
  }
}

/** Every row that stands in a golden file, before and after. */
function rowsOf(table: MappedTable) {
  return readGolden(table).flatMap((golden) =>
    [golden.change.old, golden.change.new]
      .filter((row) => row !== null)
      .map((row) => ({ file: golden.file, row, lookup: goldenLookup(golden) })),
  )
}

function updateOf(table: string, old: Row, row: Row): Change {
  return { id: '1', at: '2026-11-25T04:34:05Z', table, operation: 'UPDATE', old, new: row }
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)
}

function isUtc(value: unknown): value is string {
  return isTime(value) && value.endsWith('+00:00')
}

function inTokyo(utc: string): string {
  const fraction = /\.\d+/.exec(utc)?.[0] ?? ''
  const wall = new Date(Date.parse(`${utc.slice(0, 19)}Z`) + 9 * 3_600_000).toISOString().slice(0, 19)
  return `${wall}${fraction}+09:00`
}

function isText(column: string): boolean {
  return ['category', 'title', 'description', 'problem_description', 'progress_description'].includes(column)
}
