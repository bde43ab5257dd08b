import pg from 'pg'
import type { NameFormat } from '../../src/map/person.ts'
import { type LaboratoryState, laboratoryState } from '../../src/state/laboratory-state.ts'
import type { AreaState, ToolState } from '../../src/state/state.ts'
import { StateReader } from '../../src/state/state-reader.ts'

/** Reads states as the service does, and finds a tool or an area in them. */
export class StateEyes {
  readonly pool: pg.Pool
  readonly reader: StateReader
  format: NameFormat = 'first_last'

  constructor(url: string) {
    this.pool = new pg.Pool({ connectionString: url, max: 1 })
    this.pool.on('error', () => undefined)
    this.reader = new StateReader(this.pool)
  }

  /** All states, by a look everywhere unless `tools` names those of which a change was seen. */
  async look(tools?: readonly string[]): Promise<LaboratoryState> {
    return laboratoryState(await this.reader.read(tools === undefined ? 'everywhere' : 'near', tools), this.format)
  }

  /** Ends its connection. */
  async close(): Promise<void> {
    await this.pool.end()
  }
}

/** The state of one tool. @throws Error when it is not there */
export function toolOf({ tools }: LaboratoryState, id: number): ToolState {
  return found(tools.find((tool) => tool.tool_id === String(id)))
}

/** The state of one area. @throws Error when it is not there */
export function areaOf({ areas }: LaboratoryState, id: number): AreaState {
  return found(areas.find((area) => area.area_id === String(id)))
}

function found<T>(one: T | undefined): T {
  if (one === undefined) throw new Error('it is not among the states')
  return one
}

/** SQL that fills the sample laboratory: tools, and years of usages, reservations, problems and visits, all over. */
export function longHistory(tools: number, rows: number): string {
  return `
insert into "NEMO_tool" (name, category)
select 'Tool ' || n, 'Bay ' || n % 9 from generate_series(1, ${tools} - (select count(*)::int from "NEMO_tool")) n;
insert into "NEMO_usageevent" (start, "end", operator_id, project_id, tool_id, user_id, has_ended, run_data)
select now() - n * interval '13 minutes', now() - n * interval '13 minutes' + interval '1 hour' - interval '2 hours', 1, 1,
       1 + n % ${tools}, 1 + n % 8, n, repeat('x', 100)
  from generate_series(1, ${rows}) n;
insert into "NEMO_reservation" (start, "end", creator_id, project_id, tool_id, user_id)
select now() - n * interval '11 minutes', now() - n * interval '11 minutes' - interval '1 second', 1, 1, 1 + n % ${tools}, 1 + n % 8
  from generate_series(1, ${rows}) n;
insert into "NEMO_task" (tool_id, creator_id, problem_description, resolved)
select 1 + n % ${tools}, 1, repeat('y', 300), true from generate_series(1, ${rows} / 10) n;
insert into "NEMO_areaaccessrecord" (start, "end", area_id, customer_id, project_id, has_ended)
select now() - n * interval '9 minutes', now() - n * interval '9 minutes', 1 + n % 3, 1 + n % 8, 1, n
  from generate_series(1, ${rows}) n;
-- and what counts: a quarter of the tools in use, each with ten bookings ahead
insert into "NEMO_usageevent" (start, operator_id, project_id, tool_id, user_id)
select now() - interval '1 hour', 1 + n % 8, 1, n * 4, 1 + n % 7 from generate_series(1, ${tools} / 4) n;
insert into "NEMO_reservation" (start, "end", creator_id, project_id, tool_id, user_id, title)
select now() + n * interval '1 hour' + tool * interval '1 minute', now() + n * interval '1 hour' + interval '30 minutes' + tool * interval '1 minute', 1, 1, tool, 1 + n % 8, 'n'
  from generate_series(1, 10) n, generate_series(1, ${tools}) tool;
analyze`
}
