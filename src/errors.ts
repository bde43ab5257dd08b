/**
 * Every error that this program raises on purpose: its code and what the code means. The codes are public: people
 * search for them and scripts compare them, so they are never renamed. The README lists them all.
 */
export const ERROR_CODES = {
  NEMO_MQTT_ERR_CONFIG: 'a setting is missing, unknown or has a value that cannot be used',
  NEMO_MQTT_ERR_NOT_NEMO: 'the database has no NEMO tables, or more than one set of them',
  NEMO_MQTT_ERR_SCHEMA_MISSING: 'the schema nemo_mqtt is not in the database, or not completely',
  NEMO_MQTT_ERR_SCHEMA_NEWER: 'the schema nemo_mqtt was made by a newer release than this one',
  NEMO_MQTT_ERR_RIGHTS: 'the database role lacks a right that this step needs',
  NEMO_MQTT_ERR_TABLE_BUSY: 'a NEMO table stayed locked, so its trigger could not be created without making NEMO wait',
  NEMO_MQTT_ERR_DATABASE: 'PostgreSQL cannot be reached, or refused a statement',
  NEMO_MQTT_ERR_REDIS: 'Redis cannot be reached, or refused a command',
  NEMO_MQTT_ERR_REDIS_TAKEN: 'another installation is using the same Redis list',
  NEMO_MQTT_ERR_BROKER: 'the MQTT broker cannot be reached, or refused the connection',
  NEMO_MQTT_ERR_CHANGE: 'a captured change has a shape that no mapper understands',
  NEMO_MQTT_ERR_ENTRY: 'an entry of the queue cannot be published as it is',
  NEMO_MQTT_ERR_SYSTEMD: 'systemd refused what installing or removing the service needs',
  NEMO_MQTT_ERR_NOT_CONFIRMED: 'a destructive command was neither confirmed nor given --yes',
} as const

/** The code of an {@link AppError}. */
export type ErrorCode = keyof typeof ERROR_CODES

/**
 * An error that a person is meant to read: what happened and with which value (`message`), and what to do (`hint`).
 */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.hint = options.hint
  }
}

/** Turns anything that was thrown into an Error, so that it can be logged and compared. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown })
}

/** One line that says why something failed: the message, or those of an AggregateError, which has none of its own. */
export function reasonOf(thrown: unknown): string {
  const error = toError(thrown)
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map((one) => toError(one).message).join('; ')
  }
  return error.message === '' ? error.name : error.message
}

/** The `code` of a system, PostgreSQL or library error, if it has one. */
export function codeOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}
