import { Hono } from 'hono'
import type { Monitor } from '../monitor/monitor.ts'
import type { Web } from './access/visitor.ts'
import type { EventStreams } from './event-stream.ts'

/**
 * What the monitor page asks, below `/mqtt/api/monitor`:
 *
 * - `GET stream`: events `history`, `messages`, `samples`, `pipeline`, `check`.
 * - `GET recent`: what a new reader is told first, once.
 * - `GET messages/RUN/ID`: the whole of a message.
 * - `GET changes/ID`: what became of a change.
 * - `POST check`: runs the checks now.
 */
export function monitorRoutes(monitor: Monitor, streams: EventStreams): Hono<Web> {
  const app = new Hono<Web>()
  app.get('/stream', (context) => streams.answer(context, (send) => monitor.watch(send)))
  app.get('/recent', async (context) => context.json(await monitor.recent()))
  app.get('/messages/:run/:id{[0-9]+}', (context) => {
    const { run, id } = context.req.param()
    const whole = monitor.whole(run, Number(id))
    if (whole === undefined) return context.json({ error: 'this message is not kept any more' }, 404)
    return context.json(whole)
  })
  app.get('/changes/:id{[0-9]{1,18}}', async (context) => context.json(await monitor.trace(context.req.param('id'))))
  app.post('/check', async (context) => {
    const check = await monitor.check()
    if (typeof check !== 'number') return context.json(check)
    context.header('retry-after', String(check))
    return context.json({ error: 'the last check has only just ended', todo: `again in ${check} s` }, 429)
  })
  return app
}
