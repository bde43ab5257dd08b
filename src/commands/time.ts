import { AppError } from '../errors.ts'

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * The moment that people mean: `2h` is two hours ago, else a time of RFC 3339.
 *
 * @param option what it was given to
 * @throws AppError NEMO_MQTT_ERR_CONFIG
 */
export function timeOf(option: string, text: string): Date {
  const agoMs = millisecondsIn(text)
  if (agoMs !== undefined) return new Date(Date.now() - agoMs)
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : new Date(Number.NaN)
  if (!Number.isNaN(time.getTime())) return time
  throw new AppError('NEMO_MQTT_ERR_CONFIG', `${option} ${text}: no time`, {
    hint: '90s, 30m, 2h or 7d ago, or a time such as 2026-11-25T08:00:00Z',
  })
}

/**
 * The length of time that people mean, in milliseconds: `30s`, `24h`.
 *
 * @param option what it was given to
 * @throws AppError NEMO_MQTT_ERR_CONFIG
 */
export function durationOf(option: string, text: string): number {
  const found = millisecondsIn(text)
  if (found !== undefined && found > 0) return found
  throw new AppError('NEMO_MQTT_ERR_CONFIG', `${option} ${text}: no length of time`, { hint: '90s, 30m, 24h or 7d' })
}

function millisecondsIn(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const unitMs = UNIT_MS[unit]
  return count === undefined || unitMs === undefined ? undefined : Number(count) * unitMs
}
