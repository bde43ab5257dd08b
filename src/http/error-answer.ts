import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { ConflictError } from '../config/conflict.ts'
import { SettingsError } from '../config/problem.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { type Log, redact } from '../log.ts'
import type { Web } from './access/visitor.ts'
import { changeLine } from './configuration/history-lines.ts'
import type { Conflict, Problems } from './wire/configuration.ts'

/** What lies with somebody else, and may be over soon. */
const AWAY: ReadonlySet<ErrorCode> = new Set(['NEMO_MQTT_ERR_DATABASE', 'NEMO_MQTT_ERR_REDIS'])
/** Longest text of an error that a page is sent, in characters. */
const LONGEST = 4_000

/** Thrown when a request itself is not as it should be; no fault of anybody who uses our pages. */
export class BadRequest extends Error {}

/** Thrown when somebody must wait a moment; the message says for what. */
export class Busy extends Error {}

/**
 * Answers with an error as JSON: what happened, what to do, and what a page can show at its place.
 *
 * @param secrets values that must not be shown, whoever put them into the message
 */
export function errorAnswer(log: Log, secrets: readonly string[]) {
  const clean = (text: string): string => redact(text, secrets).slice(0, LONGEST)
  return (error: Error, context: Context<Web>): Response => {
    if (error instanceof HTTPException) return error.getResponse()
    if (error instanceof BadRequest) return context.json({ error: clean(error.message) }, 400)
    if (error instanceof Busy) return context.json({ error: clean(error.message) }, 429)
    if (!(error instanceof AppError)) {
      log.error({ err: error, path: context.req.path }, 'a request failed')
      return context.json({ error: 'this failed, by a fault of ours; the log of the service has it' }, 500)
    }
    const { code, hint } = error
    const said = { code, error: clean(error.message), todo: hint === undefined ? undefined : clean(hint) }
    if (error instanceof SettingsError) {
      const problems = error.problems.map((one) => ({ ...one, problem: clean(one.problem) }))
      return context.json({ ...said, problems } satisfies Problems & object, 422)
    }
    if (error instanceof ConflictError) {
      const by = error.by.map(({ who, at }) => ({ who, at: at.toISOString() }))
      return context.json({ ...said, differs: error.changes.slice(0, 100).map(changeLine), by } satisfies Conflict, 409)
    }
    return context.json(said, AWAY.has(code) ? 503 : 409)
  }
}
