import type { EventName } from '../event.ts'

/**
 * The standard topic of every event, below the prefix. `{id}` is the id of the tool, area, reservation or access record
 * that the topic names. What the mappers really send is held against this by a test.
 */
export const TOPICS: Readonly<Record<EventName, string>> = {
  tool_created: 'tools/{id}',
  tool_updated: 'tools/{id}',
  tool_deleted: 'tools/{id}',
  tool_enabled: 'tools/{id}/enabled',
  tool_disabled: 'tools/{id}/disabled',
  tool_usage_start: 'tools/{id}/start',
  tool_usage_end: 'tools/{id}/end',
  tool_usage_recorded: 'tools/{id}/usage',
  tool_usage_updated: 'tools/{id}/usage',
  tool_usage_deleted: 'tools/{id}/usage',
  task_created: 'tools/{id}/tasks',
  task_shutdown: 'tools/{id}/tasks',
  task_updated: 'tools/{id}/tasks',
  task_resolved: 'tools/{id}/tasks',
  task_cancelled: 'tools/{id}/tasks',
  task_reopened: 'tools/{id}/tasks',
  area_created: 'areas/{id}',
  area_updated: 'areas/{id}',
  area_deleted: 'areas/{id}',
  reservation_created: 'reservations/{id}',
  reservation_cancelled: 'reservations/{id}',
  reservation_missed: 'reservations/{id}',
  reservation_updated: 'reservations/{id}',
  reservation_deleted: 'reservations/{id}',
  area_access: 'area_access/{id}',
  area_access_end: 'area_access/{id}',
  area_access_recorded: 'area_access/{id}',
  area_access_updated: 'area_access/{id}',
  area_access_deleted: 'area_access/{id}',
  table_truncated: 'bridge/truncated',
}
