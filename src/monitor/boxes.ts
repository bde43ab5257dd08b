import type { CheckCode, CheckStage } from '../check/catalogue.ts'
import type { Stage } from '../health.ts'
import type { BoxName } from './shown.ts'

/** Which stages of the service each box stands for; `http` is none of the pipeline. */
export const STAGES_OF: Readonly<Record<BoxName, readonly Stage[]>> = {
  postgres: ['lease', 'database', 'schema'],
  listener: ['notifications', 'listener'],
  redis: ['redis'],
  bridge: ['configuration', 'bridge'],
  broker: ['broker'],
}

const BOX_OF_STAGE: Readonly<Record<CheckStage, BoxName>> = {
  configuration: 'bridge',
  database: 'postgres',
  capture: 'postgres',
  redis: 'redis',
  queue: 'redis',
  broker: 'broker',
  service: 'bridge',
}

/** Checks that look at another place than the others of their stage. */
const BOX_OF_CHECK: Partial<Record<CheckCode, BoxName>> = {
  NOTIFICATIONS: 'listener',
  UNMAPPED: 'listener',
  IN_FLIGHT: 'bridge',
  PARKED: 'bridge',
}

/** The box in which a check belongs. */
export function boxOf(code: CheckCode, stage: CheckStage): BoxName {
  return BOX_OF_CHECK[code] ?? BOX_OF_STAGE[stage]
}
