import { Hono } from 'hono'
import type { Redis } from 'ioredis'
import { secretsOf } from '../config/resolve.ts'
import type { Settings } from '../config/settings.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { chooseParked, dropParked, type ParkedMessage, readParked, retryParked, withReason } from '../queue/parked.ts'
import { visitRedis } from '../queue/visit.ts'
import type { Web } from './access/visitor.ts'
import { bodyOf, textOf } from './configuration/request.ts'
import { BadRequest, errorAnswer } from './error-answer.ts'
import type { ParkedChoice, ParkedDetail, ParkedLine, ParkedList, Told } from './wire/configuration.ts'
import { inTime } from './within.ts'

/** Messages in one answer, and characters of one payload and of everything else. */
const MOST_LINES = 100
const LONGEST_PAYLOAD = 20_000
const LONGEST = 500

/** Messages that could not be published: look, try again, delete. What is in them is anybody's text. */
export function parkedRoutes({ settings, log }: { readonly settings: Settings; readonly log: Log }): Hono<Web> {
  const app = new Hono<Web>()
  const visit = <T>(work: (redis: Redis) => Promise<T>): Promise<T> =>
    inTime(visitRedis(settings, work), 'NEMO_MQTT_ERR_REDIS')
  app.onError(errorAnswer(log, secretsOf(settings)))

  app.get('/', async (context) => {
    const all = await visit(readParked)
    const found = withReason(all, context.req.query('reason')?.slice(0, LONGEST))
    const lines = found.slice(0, MOST_LINES).map(lineOf)
    const upTo = found.at(-1)?.number ?? null
    return context.json({ total: all.length, matching: found.length, lines, upTo } satisfies ParkedList)
  })
  app.get('/:number', async (context) => {
    const message = chooseParked(await visit(readParked), context.req.param('number'))
    return context.json(detailOf(message))
  })
  app.post('/retry', async (context) => {
    const choice = choiceOf(await bodyOf(context))
    return context.json(await visit((redis) => retry(redis, choice)))
  })
  app.post('/drop', async (context) => {
    const choice = choiceOf(await bodyOf(context))
    return context.json(await visit((redis) => drop(redis, choice)))
  })
  return app
}

function choiceOf(body: Record<string, unknown>): ParkedChoice {
  const [number, upTo, reason] = [textOf(body, 'number'), textOf(body, 'upTo'), textOf(body, 'reason')]
  if (number !== undefined) return { number }
  if (upTo === undefined) throw new BadRequest('number or upTo: is missing')
  return { upTo, ...(reason === undefined ? {} : { reason }) }
}

async function retry(redis: Redis, choice: ParkedChoice): Promise<Told> {
  const chosen = chosenOf(await readParked(redis), choice)
  const readable = chosen.filter(({ entry }) => entry !== null)
  const moved = await retryParked(redis, readable)
  const told = [`${messages(moved)} put back to the end of the queue.`]
  const unreadable = chosen.length - readable.length
  if (unreadable > 0) told.push(`${messages(unreadable)} cannot be read, so no attempt would help.`)
  if (readable.length > moved) told.push(`${messages(readable.length - moved)} had been taken away meanwhile.`)
  return { told }
}

async function drop(redis: Redis, choice: ParkedChoice): Promise<Told> {
  const chosen = chosenOf(await readParked(redis), choice)
  const dropped = await dropParked(redis, chosen)
  const told = [`${messages(dropped)} deleted for good.`]
  if (dropped < chosen.length) told.push(`${messages(chosen.length - dropped)} had been taken away meanwhile.`)
  return { told }
}

/** One, or all that the visitor's filter left when he looked: what came later he has not seen. */
function chosenOf(all: readonly ParkedMessage[], choice: ParkedChoice): ParkedMessage[] {
  if ('number' in choice) return [chooseParked(all, choice.number)]
  const found = withReason(all, choice.reason)
  const last = found.findLastIndex((message) => message.number === choice.upTo)
  if (last >= 0) return found.slice(0, last + 1)
  throw new AppError('NEMO_MQTT_ERR_CONFIG', 'the list has changed since it was shown, so nothing was done', {
    hint: 'look at it again',
  })
}

function lineOf({ number, entry, reason, attempts, time }: ParkedMessage): ParkedLine {
  const topic = entry === null ? null : shortened(entry.topic)
  return { number, topic, reason: shortened(reason), attempts, time: shortened(time) }
}

function detailOf(message: ParkedMessage): ParkedDetail {
  const { entry, entryText, text } = message
  const whole = entry?.payload ?? entryText ?? text
  const shown = whole.slice(0, LONGEST_PAYLOAD)
  return { ...lineOf(message), retain: entry?.retain === true, text: shown, cut: whole.length - shown.length }
}

function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}

function messages(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`
}
