/**
 * The columns that mappers and name lookup cannot do without, table by table. NEMO 4.7.1 to 8.1.5 and NEMO-CE have all
 * of them; columns that only newer releases have (`training`, the title of a task) are not here.
 */
export const NEEDED_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  NEMO_tool: ['id', 'name', 'category', 'visible', 'operational', 'parent_tool_id'],
  NEMO_usageevent: ['id', 'start', 'end', 'tool_id', 'user_id', 'operator_id', 'project_id', 'remote_work'],
  NEMO_task: [
    'id',
    'tool_id',
    'problem_description',
    'progress_description',
    'resolution_description',
    'urgency',
    'force_shutdown',
    'safety_hazard',
    'cancelled',
    'resolved',
    'creation_time',
    'last_updated',
    'estimated_resolution_time',
  ],
  NEMO_area: ['id', 'name', 'requires_reservation', 'maximum_capacity', 'parent_area_id'],
  NEMO_reservation: [
    'id',
    'start',
    'end',
    'tool_id',
    'area_id',
    'user_id',
    'title',
    'cancelled',
    'missed',
    'shortened',
    'descendant_id',
  ],
  NEMO_areaaccessrecord: ['id', 'start', 'end', 'area_id', 'customer_id', 'staff_charge_id'],
  NEMO_user: ['id', 'username', 'first_name', 'last_name'],
  NEMO_project: ['id', 'name'],
}
