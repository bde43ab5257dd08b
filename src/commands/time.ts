import { AppError } from '../errors.ts'

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * The moment that people mean: `2h` is two hours ago, else a time of RFC 3339.
 *
 * @param option what it was given to
 * @throws AppError NEMO_MQTT_ERR_CONFIG
 */
export function timeOf(option: string, text: string): Date {
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const unitMs = UNIT_MS[unit]
  if (count !== undefined && unitMs !== undefined) return new Date(Date.now() - Number(count) * unitMs)
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : new Date(Number.NaN)
  if (!Number.isNaN(time.getTime())) return time
  throw new AppError('NEMO_MQTT_ERR_CONFIG', `${option} ${text}: no time`, {
    hint: '90s, 30m, 2h or 7d ago, or a time such as 2026-11-25T08:00:00Z',
  })
}
