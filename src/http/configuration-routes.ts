import { type Context, Hono } from 'hono'
import type { Source } from '../config/resolve.ts'
import type { Settings } from '../config/settings.ts'
import { ConfigurationStore } from '../config/store.ts'
import type { Web } from './access/visitor.ts'
import { Changes } from './configuration/changes.ts'
import { ConnectionTest } from './configuration/connection-test.ts'
import { historyLine } from './configuration/history-lines.ts'
import { shownPreview } from './configuration/preview.ts'
import { bodyOf, changeNumber, editOf, textOf } from './configuration/request.ts'
import { openedOf, overviewOf } from './configuration/views.ts'
import { BadRequest } from './error-answer.ts'
import type { Observed } from './observed.ts'
import { AT_A_PAGE, Turns } from './turns.ts'
import type { History } from './wire/configuration.ts'

/** Changes of the history in one answer. */
const MOST_LINES = 50

/** What these routes work with. */
export interface ConfigurationParts {
  /** Those of the machine. */
  readonly settings: Settings
  readonly environment: Source
  readonly observed: Observed
}

/**
 * The stored configurations, for their page. Secrets go in and never come out: of a stored one an answer says only that
 * it is there. Whoever only looks may ask GET; that the others are for admins, the door sees to.
 */
export function configurationRoutes({ settings, environment, observed }: ConfigurationParts): Hono<Web> {
  const app = new Hono<Web>()
  const test = new ConnectionTest()
  const turns = new Turns('NEMO_MQTT_ERR_DATABASE')
  const use = <T>(context: Context<Web>, work: (store: ConfigurationStore, changes: Changes) => Promise<T>) => {
    const opened = (store: ConfigurationStore): Promise<T> => work(store, new Changes(store, environment))
    const { name } = context.get('visitor')
    return turns.take(() => ConfigurationStore.use(settings.database_url, name, opened, AT_A_PAGE))
  }

  app.get('/', async (context) => {
    return context.json(await use(context, (store) => overviewOf(store, environment, observed)))
  })
  app.post('/', async (context) => {
    const body = await bodyOf(context)
    const name = textOf(body, 'name') ?? ''
    const from = textOf(body, 'from')
    return context.json(await use(context, (_, changes) => changes.create(name, from)))
  })
  app.get('/named/:name', async (context) => {
    const name = context.req.param('name')
    return context.json(await use(context, (store) => openedOf(store, environment, name)))
  })
  app.put('/named/:name', async (context) => {
    const body = await bodyOf(context)
    const [name, edit, seen] = [context.req.param('name'), editOf(body), changeNumber(textOf(body, 'revision'))]
    return context.json(await use(context, (_, changes) => changes.save(name, edit, seen)))
  })
  app.delete('/named/:name', async (context) => {
    const [name, typed] = [context.req.param('name'), textOf(await bodyOf(context), 'confirm')]
    return context.json(await use(context, (_, changes) => changes.delete(name, typed)))
  })
  app.post('/named/:name/enable', async (context) => {
    const name = context.req.param('name')
    return context.json(await use(context, (_, changes) => changes.enable(name)))
  })
  app.post('/check', async (context) => {
    const body = await bodyOf(context)
    const [name, edit] = [textOf(body, 'name'), editOf(body)]
    return context.json(await use(context, (_, changes) => changes.check(name, edit)))
  })
  app.post('/test', async (context) => {
    const body = await bodyOf(context)
    const [name, edit] = [textOf(body, 'name'), editOf(body)]
    const draft = await use(context, (_, changes) => changes.settings(name, edit))
    return context.json(await test.run(draft))
  })
  app.post('/preview', async (context) => {
    const body = await bodyOf(context)
    const [name, edit] = [textOf(body, 'name'), editOf(body)]
    const draft = await use(context, (_, changes) => changes.settings(name, edit))
    return context.json(await turns.take(() => shownPreview(draft)))
  })
  app.get('/history', async (context) => {
    const name = context.req.query('name')
    if (name !== undefined && name.length > 1_000) throw new BadRequest('name: is too long')
    const found = await use(context, (store) => store.history(MOST_LINES + 1, name))
    const lines = found.slice(0, MOST_LINES).map(historyLine)
    return context.json({ lines, hasMore: found.length > lines.length } satisfies History)
  })
  app.post('/history/:id/undo', async (context) => {
    const id = changeNumber(context.req.param('id'))
    return context.json(await use(context, (_, changes) => changes.undo(id)))
  })
  return app
}
