import { Ajv } from 'ajv'
import t from 'tap'
import { EVENTS, type EventName } from '../../src/event.ts'

// What subscribers were promised, spelt out once more and by hand: whoever changes src/event.ts so that one of these
// fails breaks displays that run. New keys may follow, and do.

const TOOL = 'event tool_id tool_name tool_status timestamp'
const USAGE =
  'event usage_id user_id user_name tool_id tool_name start_time end_time timestamp ' +
  'operator_id operator_name project_id project_name parent_tool_id remote_work training'
const TASK =
  'event task_id tool_id tool_name title problem_description force_shutdown safety_hazard urgency cancelled resolved ' +
  'created_at updated_at timestamp'
const AREA = 'event area_id area_name area_requires_reservation timestamp maximum_capacity parent_area_id'
const RESERVATION =
  'event reservation_id user_id user_name start_time end_time timestamp ' +
  'tool_id tool_name area_id area_name title cancelled missed shortened descendant_id'
const ACCESS = 'event access_id user_id user_name area_id area_name access_time timestamp end_time duration_s'

const OUTAGE =
  'event outage_id title category details start_time end_time timestamp ' +
  'tool_id tool_name area_id area_name resource_id resource_name'
const RESOURCE = 'event resource_id resource_name available restriction_message timestamp'
const ALERT =
  'event alert_id title category contents debut_time expiration_time timestamp expired deleted user_id user_name'
const WAIT_LIST = 'event entry_id user_id user_name tool_id tool_name timestamp entered_at turn_at'
const WITHDRAWAL =
  'event withdrawal_id consumable_id consumable_name quantity user_id user_name timestamp withdrawn_at ' +
  'merchant_id merchant_name project_id project_name usage_id'

const PROMISED: Readonly<Record<EventName, string>> = {
  tool_created: `${TOOL} category visible parent_tool_id`,
  tool_updated: `${TOOL} category visible parent_tool_id changed`,
  tool_deleted: `${TOOL} category visible parent_tool_id`,
  tool_enabled: `${TOOL} parent_tool_id`,
  tool_disabled: `${TOOL} parent_tool_id`,
  tool_usage_start: USAGE,
  tool_usage_end: USAGE,
  tool_usage_recorded: USAGE,
  tool_usage_updated: USAGE,
  tool_usage_deleted: USAGE,
  task_created: TASK,
  task_shutdown: TASK,
  task_updated: `${TASK} changed`,
  task_resolved: TASK,
  task_cancelled: TASK,
  task_reopened: TASK,
  area_created: AREA,
  area_updated: `${AREA} changed`,
  area_deleted: AREA,
  reservation_created: RESERVATION,
  reservation_cancelled: `${RESERVATION} reason`,
  reservation_missed: RESERVATION,
  reservation_updated: RESERVATION,
  reservation_deleted: RESERVATION,
  area_access: ACCESS,
  area_access_end: ACCESS,
  area_access_recorded: ACCESS,
  area_access_updated: ACCESS,
  area_access_deleted: ACCESS,
  outage_scheduled: OUTAGE,
  outage_updated: `${OUTAGE} changed`,
  outage_cancelled: OUTAGE,
  resource_available: RESOURCE,
  resource_unavailable: RESOURCE,
  resource_updated: `${RESOURCE} changed`,
  interlock_changed: 'event interlock_id interlock_name state state_name timestamp card_id channel unit_id',
  alert_created: ALERT,
  alert_updated: ALERT,
  alert_expired: ALERT,
  alert_deleted: ALERT,
  wait_list_entered: WAIT_LIST,
  wait_list_turn: WAIT_LIST,
  wait_list_expired: WAIT_LIST,
  wait_list_exited: WAIT_LIST,
  consumable_withdrawn: WITHDRAWAL,
  user_activated: 'event user_id user_name timestamp',
  user_deactivated: 'event user_id user_name timestamp',
  table_truncated: 'event table timestamp',
}

t.test('every event begins with the keys that were promised, in their order', async (t) => {
  for (const [name, promised] of Object.entries(PROMISED)) {
    const keys = Object.keys(EVENTS[name as EventName].properties)
    const first = promised.split(' ')
    t.strictSame(keys.slice(0, first.length), first, name)
  }
  t.strictSame(Object.keys(EVENTS), Object.keys(PROMISED), 'and the order of several events of one change')
})

t.test('every event is named in itself, has all its keys, and its event_id last', async (t) => {
  for (const [name, schema] of Object.entries(EVENTS)) {
    const keys = Object.keys(schema.properties)
    t.match(schema, { title: name, description: /\w/, properties: { event: { const: name } } })
    t.strictSame([...schema.required], keys, `${name}: null, where nothing is known, but never absent`)
    t.equal(keys.at(-1), 'event_id', name)
  }
})

t.test('what an update changed is said by updates alone', async (t) => {
  for (const [name, schema] of Object.entries(EVENTS)) {
    t.equal('changed' in schema.properties, name.endsWith('_updated'), name)
  }
})

t.test('C101 the time of every event is a time, and a boolean is none', async (t) => {
  const ajv = new Ajv()
  for (const [name, schema] of Object.entries(EVENTS)) {
    const isTime = ajv.compile(schema.properties.timestamp)
    t.ok(isTime('2026-11-25T04:34:05.407914Z') && isTime('2026-11-25T04:34:05Z'), name)
    for (const wrong of [false, null, '', 1_764_045_245, '2026-11-25 04:34:05Z', '2026-11-25T04:34:05+00:00']) {
      t.notOk(isTime(wrong), `${name}: ${wrong}`)
    }
  }
})

t.test('C102 wherever a user is shown, the names are there one by one', async (t) => {
  for (const [name, schema] of Object.entries(EVENTS)) {
    if (!('user_name' in schema.properties)) continue
    const keys = Object.keys(schema.properties)
    t.strictSame(
      keys.filter((key) => ['user_id', 'username', 'first_name', 'last_name'].includes(key)),
      ['user_id', 'username', 'first_name', 'last_name'],
      name,
    )
  }
})
