/** Digits of an id. */
type Digits = string
/** A time as PostgreSQL writes it into JSON. */
type Stamp = string

/** A tool. A child has in its own row a name and a parent, and defaults in the rest. @see NEMO `Tool.save()` */
export interface ToolRow {
  readonly id: Digits
  readonly name: string | null
  readonly category: string | null
  readonly visible: boolean | null
  readonly operational: boolean | null
  readonly parent_tool_id: Digits | null
}

/** A usage that is open, or whose end lies ahead (delayed log-off). */
export interface UsageRow {
  readonly id: Digits
  readonly tool_id: Digits
  readonly start: Stamp
  readonly end: Stamp | null
  readonly user_id: Digits | null
  readonly operator_id: Digits | null
}

/** A problem that is neither solved nor withdrawn. */
export interface TaskRow {
  readonly id: Digits
  readonly tool_id: Digits
  readonly title: string | null
  /** Its first line. */
  readonly problem_description: string | null
  readonly urgency: number | null
  readonly force_shutdown: boolean | null
  readonly safety_hazard: boolean | null
  readonly creation_time: Stamp | null
}

/** A reservation that holds: the present one or the next of its tool. */
export interface ReservationRow {
  readonly id: Digits
  readonly tool_id: Digits
  readonly start: Stamp
  readonly end: Stamp
  readonly user_id: Digits | null
  readonly title: string | null
}

/** Somebody who waits for a tool. */
export interface WaitingRow {
  readonly id: Digits
  readonly tool_id: Digits
}

/** A scheduled outage that has not ended. */
export interface OutageRow {
  readonly id: Digits
  readonly tool_id: Digits | null
  readonly resource_id: Digits | null
  readonly start: Stamp
  readonly end: Stamp
  readonly title: string | null
}

/** A resource that is missing at present. */
export interface ResourceRow {
  readonly id: Digits
  readonly name: string | null
}

/** A tool that cannot work without a resource. */
export interface DependenceRow {
  readonly resource_id: Digits
  readonly tool_id: Digits
}

/** An area; `tree_id`, `lft` and `rght` tell which areas lie in it (django-mptt). */
export interface AreaRow {
  readonly id: Digits
  readonly name: string | null
  readonly parent_area_id: Digits | null
  readonly maximum_capacity: number | null
  readonly requires_reservation: boolean | null
  readonly count_staff_in_occupancy: boolean | null
  readonly count_service_personnel_in_occupancy: boolean | null
  readonly tree_id: Digits | null
  readonly lft: number | null
  readonly rght: number | null
}

/** Somebody who is in an area. */
export interface VisitRow {
  readonly id: Digits
  readonly area_id: Digits
  readonly start: Stamp
  readonly customer_id: Digits | null
}

/** A person who is named by one of the others. */
export interface UserRow {
  readonly id: Digits
  readonly username: string | null
  readonly first_name: string | null
  readonly last_name: string | null
  readonly is_staff: boolean | null
  readonly is_service_personnel: boolean | null
}

/** What NEMO's tables say at one moment. A table that cannot be read is undefined. */
export interface StateRows {
  /** The clock of the database. */
  readonly now: Stamp
  readonly tools?: readonly ToolRow[]
  readonly usages?: readonly UsageRow[]
  readonly tasks?: readonly TaskRow[]
  readonly reservations?: readonly ReservationRow[]
  readonly waiting?: readonly WaitingRow[]
  readonly outages?: readonly OutageRow[]
  readonly resources?: readonly ResourceRow[]
  readonly dependences?: readonly DependenceRow[]
  readonly areas?: readonly AreaRow[]
  readonly visits?: readonly VisitRow[]
  readonly users?: readonly UserRow[]
}
