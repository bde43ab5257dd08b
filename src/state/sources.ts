/** A table of NEMO's from which states are made. */
export interface Source {
  readonly table: string
  /** Without one of these the table says nothing. */
  readonly needs: readonly string[]
  /** Each of these may be lacking; what it would say is null then. */
  readonly may: readonly string[]
  /** What is not known without the table, for people. */
  readonly tells: string
}

/** Tables that grow for ever and of which few rows count at a time; NEMO has no index that finds those. */
export const HISTORIES = ['usages', 'tasks', 'reservations', 'waiting', 'outages'] as const

/** A table that grows for ever. */
export type HistoryName = (typeof HISTORIES)[number]

/** What a table is called among the states. */
export type SourceName = HistoryName | 'tools' | 'resources' | 'dependences' | 'areas' | 'visits' | 'users'

/**
 * Every column that states are made from. The role of the service gets the right to read them from
 * `sql/000004_service_role.sql`.
 */
export const SOURCES: Readonly<Record<SourceName, Source>> = {
  tools: {
    table: 'NEMO_tool',
    needs: ['id'],
    may: ['name', 'category', 'visible', 'operational', 'parent_tool_id'],
    tells: 'tools',
  },
  usages: {
    table: 'NEMO_usageevent',
    needs: ['id', 'tool_id', 'start', 'end'],
    may: ['user_id', 'operator_id'],
    tells: 'who uses a tool',
  },
  tasks: {
    table: 'NEMO_task',
    needs: ['id', 'tool_id', 'cancelled', 'resolved'],
    may: ['title', 'problem_description', 'urgency', 'force_shutdown', 'safety_hazard', 'creation_time'],
    tells: 'problems',
  },
  reservations: {
    table: 'NEMO_reservation',
    needs: ['id', 'tool_id', 'start', 'end', 'cancelled', 'missed', 'shortened'],
    may: ['user_id', 'title'],
    tells: 'reservations',
  },
  waiting: {
    table: 'NEMO_toolwaitlist',
    needs: ['id', 'tool_id', 'deleted', 'expired'],
    may: [],
    tells: 'how many wait for a tool',
  },
  outages: {
    table: 'NEMO_scheduledoutage',
    needs: ['id', 'tool_id', 'start', 'end'],
    may: ['title', 'resource_id'],
    tells: 'scheduled outages',
  },
  resources: {
    table: 'NEMO_resource',
    needs: ['id', 'available'],
    may: ['name'],
    tells: 'resources that are missing',
  },
  dependences: {
    table: 'NEMO_resource_fully_dependent_tools',
    needs: ['resource_id', 'tool_id'],
    may: [],
    tells: 'which tools need a resource',
  },
  areas: {
    table: 'NEMO_area',
    needs: ['id'],
    may: [
      'name',
      'parent_area_id',
      'maximum_capacity',
      'requires_reservation',
      'count_staff_in_occupancy',
      'count_service_personnel_in_occupancy',
      'tree_id',
      'lft',
      'rght',
    ],
    tells: 'areas',
  },
  visits: {
    table: 'NEMO_areaaccessrecord',
    needs: ['id', 'area_id', 'start', 'end', 'staff_charge_id'],
    may: ['customer_id'],
    tells: 'who is in an area',
  },
  users: {
    table: 'NEMO_user',
    needs: ['id'],
    may: ['username', 'first_name', 'last_name', 'is_staff', 'is_service_personnel'],
    tells: 'names of people',
  },
}

/** All of them. */
export const SOURCE_NAMES = Object.keys(SOURCES) as SourceName[]
