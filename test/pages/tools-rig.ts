import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { freePort } from '../../lab/port.ts'
import type { ServiceProcess } from '../fixtures/service.ts'
import { type Laboratory, type LaboratoryOptions, openLaboratory } from '../service/laboratory.ts'
import { type Browser, startBrowser } from './browser.ts'

/** A laboratory with a service and a browser that shows its tools. */
export interface ToolsRig {
  readonly laboratory: Laboratory
  readonly browser: Browser
  readonly service: ServiceProcess
  readonly port: number
  readonly url: string
}

/** Starts all of it. */
export async function startTools(t: Test, options: LaboratoryOptions = {}): Promise<ToolsRig> {
  const laboratory = await openLaboratory(t, options)
  const port = await freePort()
  const service = await laboratory.start({ settings: { http_port: port } })
  await service.says('redis', 'ok')
  return { laboratory, service, port, browser: await startBrowser(t), url: `http://127.0.0.1:${port}/mqtt/tools/` }
}

/** The tile of a tool. */
export function tile(page: Page, id: number) {
  return page.locator(`[data-tool="${id}"]`)
}

/** SQL that makes a laboratory of so many tools, with something of everything. */
export function busyLaboratory(tools: number): string {
  return `
insert into "NEMO_tool" (name, category)
select (array['Electron beam writer', 'Sputter coater', 'Wet bench', 'Laser cutter', 'X-ray diffractometer', 'Parylene deposition system', 'ALD'])[1 + n % 7] || ' ' || n,
       (array['Lithography', 'Deposition', 'Etching', 'Metrology', 'Packaging'])[1 + n % 5]
  from generate_series(1, ${tools} - 5) n;
insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, start)
select id, 1 + id % 8, case when id % 4 = 0 then 2 else 1 + id % 8 end, 1, now() - id * interval '7 minutes'
  from "NEMO_tool" where parent_tool_id is null and id % 3 = 1;
insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, start, "end", has_ended)
select id, 5, 5, 1, now() - interval '2 hours', now() + interval '25 minutes', id from "NEMO_tool" where id % 17 = 5;
update "NEMO_tool" set operational = false where id in (2, 11);
insert into "NEMO_task" (tool_id, creator_id, title, force_shutdown, creation_time) values
  (2, 3, 'Lamp does not ignite', true, now() - interval '3 days'), (11, 3, 'No vacuum', true, now() - interval '5 hours');
insert into "NEMO_task" (tool_id, creator_id, problem_description, safety_hazard) values
  (4, 3, 'Smell of ozone at the pump', true), (9, 4, 'Chuck sticks', false);
insert into "NEMO_reservation" (tool_id, creator_id, user_id, start, "end", title)
select id, 1, 1 + id % 8, now() + id % 5 * interval '40 minutes' - interval '30 minutes', now() + id % 5 * interval '40 minutes' + interval '1 hour', ''
  from "NEMO_tool" where parent_tool_id is null and id % 4 in (1, 2);
insert into "NEMO_scheduledoutage" (tool_id, creator_id, title, start, "end")
values (8, 1, 'Yearly service', now() - interval '1 hour', now() + interval '1 day');
insert into "NEMO_resource" (name, available) values ('Nitrogen', false);
insert into "NEMO_resource_fully_dependent_tools" (resource_id, tool_id) values (1, 12);
insert into "NEMO_toolwaitlist" (tool_id, user_id) values (1, 3), (1, 4), (7, 5);
update "NEMO_area" set count_staff_in_occupancy = false where id = 1;
insert into "NEMO_areaaccessrecord" (area_id, customer_id, project_id) select 1 + n % 3, n, 1 from generate_series(1, 7) n;
update "NEMO_area" set maximum_capacity = 2 where id = 3`
}
