/** The numbers that a check gives to monitoring; their names are public. */
export const METRICS = {
  change_log_depth: { unit: '', description: 'changes that wait in PostgreSQL' },
  oldest_seconds: { unit: 's', description: 'age of the oldest of them' },
  change_log_dead_rows: { unit: '', description: 'dead rows of the change log' },
  unmapped: { unit: '', description: 'changes that were set aside' },
  queue: { unit: '', description: 'entries of the Redis list' },
  queue_oldest_seconds: { unit: 's', description: 'age of the oldest of them' },
  in_flight: { unit: '', description: 'entries that are not acknowledged' },
  in_flight_oldest_seconds: { unit: 's', description: 'age of the oldest of them' },
  parked: { unit: '', description: 'messages that cannot be published' },
  round_trip_ms: { unit: 'ms', description: 'from publishing the test message to reading it back' },
  certificate_days: { unit: '', description: 'days until the first certificate expires' },
} as const

/** Name of such a number. */
export type MetricName = keyof typeof METRICS

/** From so many seconds on the age of something that waits is a warning, and from so many on it is critical. */
export const LATE_S = { warning: 60, critical: 600 } as const
