import { Hono } from 'hono'
import type { Redis } from 'ioredis'
import type { Settings } from '../config/settings.ts'
import { AppError } from '../errors.ts'
import { dropParked, eachPart, type ParkedMessage, retryParked, withReason } from '../queue/parked.ts'
import { visitRedis } from '../queue/visit.ts'
import type { Web } from './access/visitor.ts'
import { bodyOf, textOf } from './configuration/request.ts'
import { BadRequest } from './error-answer.ts'
import { Turns } from './turns.ts'
import type { ParkedChoice, ParkedDetail, ParkedLine, ParkedList, Told } from './wire/configuration.ts'

/** Messages in one answer, and characters of one payload and of everything else. */
const MOST_LINES = 100
const LONGEST_PAYLOAD = 20_000
const LONGEST = 500

/** Messages that could not be published: look, try again, delete. What is in them is anybody's text. */
export function parkedRoutes({ settings }: { readonly settings: Settings }): Hono<Web> {
  const app = new Hono<Web>()
  const turns = new Turns('NEMO_MQTT_ERR_REDIS')
  const visit = <T>(work: (redis: Redis) => Promise<T>): Promise<T> => turns.take(() => visitRedis(settings, work))

  app.get('/', async (context) => {
    const reason = context.req.query('reason')?.slice(0, LONGEST)
    return context.json(await visit((redis) => listOf(redis, reason)))
  })
  app.get('/:number', async (context) => {
    const number = context.req.param('number')
    return context.json(detailOf(await visit((redis) => one(redis, number))))
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

async function listOf(redis: Redis, reason: string | undefined): Promise<ParkedList> {
  let [total, matching] = [0, 0]
  let upTo: string | null = null
  const lines: ParkedLine[] = []
  await eachPart(redis, (part) => {
    const found = withReason(part, reason)
    total += part.length
    matching += found.length
    lines.push(...found.slice(0, MOST_LINES - lines.length).map(lineOf))
    upTo = found.at(-1)?.number ?? upTo
    return 0
  })
  return { total, matching, lines, upTo }
}

async function one(redis: Redis, number: string): Promise<ParkedMessage> {
  let found: ParkedMessage | undefined
  await eachPart(redis, (part) => {
    found = part.find((message) => message.number === number)
    return found === undefined ? 0 : undefined
  })
  if (found !== undefined) return found
  throw new AppError('NEMO_MQTT_ERR_CONFIG', `no message with number ${JSON.stringify(number)} is parked (any more)`)
}

/** Does something with the messages that are meant, which takes them out of the list; gives how many it were. */
async function each(
  redis: Redis,
  choice: ParkedChoice,
  act: (messages: readonly ParkedMessage[]) => Promise<number>,
): Promise<{ readonly meant: number; readonly done: number }> {
  if ('number' in choice) return { meant: 1, done: await act([await one(redis, choice.number)]) }
  const meant = await countUpTo(redis, choice)
  let [left, done] = [meant, 0]
  await eachPart(redis, async (part) => {
    const chosen = withReason(part, choice.reason).slice(0, left)
    const taken = await act(chosen)
    left -= chosen.length
    done += taken
    return left > 0 ? taken : undefined
  })
  return { meant, done }
}

/** What came after the visitor has looked he has not seen, and does not mean. */
async function countUpTo(redis: Redis, { upTo, reason }: { upTo: string; reason?: string }): Promise<number> {
  let [seen, meant] = [0, 0]
  await eachPart(redis, (part) => {
    for (const { number } of withReason(part, reason)) {
      seen += 1
      if (number === upTo) meant = seen
    }
    return 0
  })
  if (meant > 0) return meant
  throw new AppError('NEMO_MQTT_ERR_CONFIG', 'the list has changed since it was shown, so nothing was done', {
    hint: 'look at it again',
  })
}

async function retry(redis: Redis, choice: ParkedChoice): Promise<Told> {
  let unreadable = 0
  const { meant, done } = await each(redis, choice, async (messages) => {
    unreadable += messages.filter(({ entry }) => entry === null).length
    return await retryParked(redis, messages)
  })
  const told = [`${counted(done)} put back to the end of the queue.`]
  if (unreadable > 0) told.push(`${counted(unreadable)} cannot be read, so no attempt would help.`)
  return { told: [...told, ...goneOf(meant - unreadable - done)] }
}

async function drop(redis: Redis, choice: ParkedChoice): Promise<Told> {
  const { meant, done } = await each(redis, choice, (messages) => dropParked(redis, messages))
  return { told: [`${counted(done)} deleted for good.`, ...goneOf(meant - done)] }
}

function goneOf(count: number): string[] {
  return count > 0 ? [`${counted(count)} had been taken away meanwhile.`] : []
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

function counted(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`
}
