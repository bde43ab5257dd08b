import { AppError } from '../errors.ts'

/** The option of commands that publish much at once. */
export const rateOption = { type: 'number', default: 200, describe: 'messages a second at most' } as const

/** Messages a second. @throws AppError NEMO_MQTT_ERR_CONFIG */
export function ratePerSecond(given: number): number {
  if (given > 0 && given <= 100_000) return given
  throw new AppError('NEMO_MQTT_ERR_CONFIG', `--rate ${given}: a number above 0, 100000 at most`)
}
