/**
 * States as programs see them. Ids are digits, times are RFC 3339 in UTC, names are in the laboratory's format. What
 * cannot be read is null.
 */

/** Somebody at a tool. */
export interface Usage {
  readonly usage_id: string
  /** The tool that is really used: the tool itself, or a child of it. */
  readonly tool_id: string
  readonly tool_name: string | null
  readonly user_id: string | null
  readonly user_name: string | null
  /** Who stands at the tool, when that is not the user. */
  readonly operator_id: string | null
  readonly operator_name: string | null
  readonly since: string | null
}

/** Somebody has logged off, and the tool is theirs until a time that lies ahead. */
export interface DelayedLogoff {
  readonly usage_id: string
  readonly user_id: string | null
  readonly user_name: string | null
  readonly until: string | null
}

/** A problem that was reported and is open. */
export interface Problem {
  readonly task_id: string
  /** Its title, else the first line of its description. */
  readonly title: string | null
  readonly force_shutdown: boolean | null
  readonly safety_hazard: boolean | null
  /** -1 low, 0 normal, 1 high. */
  readonly urgency: number | null
  readonly since: string | null
}

/** A time that somebody has reserved. */
export interface Reserved {
  readonly reservation_id: string
  readonly start_time: string | null
  readonly end_time: string | null
  readonly user_id: string | null
  readonly user_name: string | null
  readonly title: string | null
}

/** A time in which the tool, or a resource that it needs, is not available. */
export interface Outage {
  readonly outage_id: string
  readonly title: string | null
  readonly start_time: string | null
  readonly end_time: string | null
}

/** How a tool is now. A child tool has what is its parent's: everything but id, name and visibility. */
export interface ToolState {
  readonly tool_id: string
  readonly tool_name: string | null
  readonly category: string | null
  /** NEMO shows no child tools: they are false. */
  readonly visible: boolean | null
  readonly parent_tool_id: string | null
  readonly operational: boolean | null
  /** A usage of the tool, its parent or a child is open. Staff may use a tool that is down. */
  readonly in_use: boolean | null
  readonly usage: Usage | null
  readonly delayed_logoff: DelayedLogoff | null
  /** How many problems are open. */
  readonly problem_count: number | null
  /** The gravest of them: one that shuts the tool down, a hazard, the most urgent, the newest. */
  readonly problem: Problem | null
  /** Resources that the tool cannot work without and that are missing now, by name. */
  readonly missing_resources: readonly string[] | null
  readonly outage: Outage | null
  readonly next_outage: Outage | null
  readonly reservation: Reserved | null
  readonly next_reservation: Reserved | null
  /** How many wait for the tool. */
  readonly waiting: number | null
  /** It works, and nothing stands in the way but perhaps a user. @see NEMO `Tool.ready_to_use()` */
  readonly ready_to_use: boolean | null
}

/** Somebody in an area. */
export interface Visit {
  readonly access_id: string
  /** Where exactly: the area, or one that lies in it. */
  readonly area_id: string
  readonly user_id: string | null
  readonly user_name: string | null
  readonly since: string | null
}

/** How an area is now; who is in an area that lies in it is in it too. */
export interface AreaState {
  readonly area_id: string
  readonly area_name: string | null
  readonly parent_area_id: string | null
  readonly requires_reservation: boolean | null
  /** 0 means without limit. */
  readonly maximum_capacity: number | null
  /** Everybody. */
  readonly occupancy: number | null
  readonly occupancy_staff: number | null
  readonly occupancy_service_personnel: number | null
  /** What NEMO compares with the capacity: without staff and service personnel where the area does not count them. */
  readonly occupancy_count: number | null
  readonly people: readonly Visit[] | null
}
