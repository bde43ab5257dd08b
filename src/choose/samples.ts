import type { BodyOf, EventName } from '../event.ts'
import { eventPayload } from '../map/payload.ts'
import type { RecentMessage } from './preview.ts'
import { publishedEvent } from './standard-event.ts'

const AT = '2026-11-25T08:00:00Z'
const TOOL = { tool_id: 5, tool_name: 'Mask aligner', tool_status: true, timestamp: AT }
const PERSON = { username: 'ada', first_name: 'Ada', last_name: 'Lovelace' }
const USER = { user_id: 7, user_name: 'Ada Lovelace' }
const NO_AREA = { area_id: null, area_name: null }

/** One event of each kind, for when nothing was sent yet. */
const SAMPLES: readonly Readonly<Record<string, unknown> & { event: EventName }>[] = [
  {
    event: 'tool_updated',
    ...TOOL,
    category: 'Lithography',
    visible: true,
    parent_tool_id: null,
    changed: ['name'],
  } satisfies BodyOf<'tool_updated'>,
  { event: 'tool_disabled', ...TOOL, tool_status: false, parent_tool_id: null } satisfies BodyOf<'tool_disabled'>,
  {
    event: 'tool_usage_start',
    usage_id: 101,
    ...USER,
    tool_id: 5,
    tool_name: 'Mask aligner',
    start_time: AT,
    end_time: null,
    timestamp: AT,
    operator_id: 7,
    operator_name: 'Ada Lovelace',
    project_id: 3,
    project_name: 'Photonic crystals',
    parent_tool_id: null,
    remote_work: false,
    training: false,
    ...PERSON,
  } satisfies BodyOf<'tool_usage_start'>,
  {
    event: 'task_created',
    task_id: 12,
    tool_id: 5,
    tool_name: 'Mask aligner',
    title: 'Lamp',
    problem_description: 'The lamp flickers',
    force_shutdown: false,
    safety_hazard: false,
    urgency: 0,
    cancelled: false,
    resolved: false,
    created_at: AT,
    updated_at: null,
    timestamp: AT,
  } satisfies BodyOf<'task_created'>,
  {
    event: 'area_updated',
    area_id: 2,
    area_name: 'Cleanroom',
    area_requires_reservation: true,
    timestamp: AT,
    maximum_capacity: 12,
    parent_area_id: null,
    changed: ['maximum_capacity'],
  } satisfies BodyOf<'area_updated'>,
  {
    event: 'reservation_created',
    reservation_id: 44,
    ...USER,
    start_time: AT,
    end_time: '2026-11-25T10:00:00Z',
    timestamp: AT,
    tool_id: 5,
    tool_name: 'Mask aligner',
    ...NO_AREA,
    title: 'Exposure',
    cancelled: false,
    missed: false,
    shortened: false,
    descendant_id: null,
    ...PERSON,
  } satisfies BodyOf<'reservation_created'>,
  {
    event: 'area_access',
    access_id: 61,
    ...USER,
    area_id: 2,
    area_name: 'Cleanroom',
    access_time: AT,
    timestamp: AT,
    end_time: null,
    duration_s: null,
    ...PERSON,
  } satisfies BodyOf<'area_access'>,
]

/** The samples as messages on the standard topics. */
export function sampleMessages(): RecentMessage[] {
  return SAMPLES.map((body, index) => {
    const payload = eventPayload(body, `sample-${index + 1}-0`)
    return { topic: `nemo/${publishedEvent(payload)?.topic}`, payload }
  })
}
