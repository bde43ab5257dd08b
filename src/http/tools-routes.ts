import { Hono } from 'hono'
import type { StateMessage, StateWatch } from '../state/state-watch.ts'
import { version } from '../version.ts'
import type { Web } from './access/visitor.ts'
import type { EventStreams } from './event-stream.ts'
import type { StatesAnswer, TroubleEvent } from './wire/tools.ts'

/** Whoever asks once waits so long for the first look, in milliseconds. */
const ANSWER_MS = 8_000

/**
 * How tools and areas are, below `/mqtt/api/tools`:
 *
 * - `/`: all of it once; 503 and why while NEMO's tables cannot be read.
 * - `/stream`: all of it (`states`), then what changes (`changed`), and `trouble` while they cannot be read.
 */
export function toolsRoutes(states: StateWatch, streams: EventStreams): Hono<Web> {
  const app = new Hono<Web>()
  app.get('/', async (context) => {
    const message = await firstOf(states)
    if (message.is === 'states') return context.json(answerOf(message))
    context.header('retry-after', '5')
    return context.json({ error: message.why, todo: 'look again in a moment' }, 503)
  })
  app.get('/stream', (context) =>
    streams.answer(context, (send) =>
      states.subscribe((message) => {
        if (message.is === 'states') send('states', answerOf(message))
        else if (message.is === 'changed') send('changed', message.change)
        else send('trouble', { why: message.why } satisfies TroubleEvent)
      }),
    ),
  )
  return app
}

type States = Extract<StateMessage, { is: 'states' }>
type Trouble = Extract<StateMessage, { is: 'trouble' }>

function answerOf({ state }: States): StatesAnswer {
  return { version: version(), ...state }
}

async function firstOf(states: StateWatch): Promise<States | Trouble> {
  let end = (): void => undefined
  try {
    return await new Promise((resolve) => {
      const late: Trouble = { is: 'trouble', why: 'PostgreSQL has not answered yet' }
      const timer = setTimeout(resolve, ANSWER_MS, late)
      end = states.subscribe((message) => {
        if (message.is === 'changed') return
        clearTimeout(timer)
        resolve(message)
      })
    })
  } finally {
    end()
  }
}
