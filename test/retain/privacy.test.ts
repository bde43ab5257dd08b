import t from 'tap'
import { StateTopics } from '../../src/retain/state-topics.ts'
import type { LaboratoryState } from '../../src/state/laboratory-state.ts'

const person = { user_id: '77', user_name: 'Ada Lindqvist' }
const reserved = { reservation_id: '5', start_time: null, end_time: null, ...person, title: 'secret of Ada' }

const STATE: LaboratoryState = {
  time: '2026-11-25T04:34:05Z',
  problem: null,
  tools: [
    {
      tool_id: '1',
      tool_name: 'SEM',
      category: 'Microscopy',
      visible: true,
      parent_tool_id: null,
      operational: false,
      in_use: true,
      usage: {
        usage_id: '9',
        tool_id: '1',
        tool_name: 'SEM',
        ...person,
        operator_id: '78',
        operator_name: 'Wei Zhang',
        since: null,
      },
      delayed_logoff: { usage_id: '8', ...person, until: null },
      problem_count: 1,
      problem: {
        task_id: '3',
        title: 'Ada broke it',
        description: 'Ada broke it badly',
        force_shutdown: true,
        safety_hazard: false,
        urgency: 0,
        since: null,
      },
      missing_resources: [],
      outage: null,
      next_outage: null,
      reservation: reserved,
      next_reservation: reserved,
      waiting: 1,
      ready_to_use: false,
    },
  ],
  areas: [
    {
      area_id: '1',
      area_name: 'Cleanroom',
      parent_area_id: null,
      requires_reservation: false,
      maximum_capacity: 5,
      occupancy: 1,
      occupancy_staff: 0,
      occupancy_service_personnel: 0,
      occupancy_count: 1,
      people: [{ access_id: '4', area_id: '1', ...person, since: null }],
    },
  ],
}

const texts = (privacy: boolean): string => {
  const options = { prefix: 'nemo', displayPrefix: 'nemo', withPeople: true, privacy, lastEvent: () => null }
  return [...new StateTopics().of(STATE, options)].join('\n')
}

t.test('with privacy nothing in any state is about a person; without it, it is there', async (t) => {
  for (const word of ['Ada', 'Lindqvist', 'Wei', '77', '78', 'secret']) {
    t.match(texts(false), word)
    t.notMatch(texts(true), word)
  }
  t.match(texts(true), '"in_use":true')
  t.match(texts(true), '"occupancy":1')
})
