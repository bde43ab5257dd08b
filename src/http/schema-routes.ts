import { Hono } from 'hono'
import { asyncApi } from '../contract/asyncapi.ts'
import { isSchema, SCHEMA_NAMES, schemaOf } from '../contract/schemas.ts'
import { CONTRACT_VERSION } from '../contract/version.ts'
import type { Web } from './access/visitor.ts'

/**
 * The contract for programs: a list, each schema as `{name}.json`, and all of it as `asyncapi.json`.
 *
 * @param topicPrefix the first level of topics at present
 */
export function schemaRoutes(topicPrefix: () => string): Hono<Web> {
  const app = new Hono<Web>()
  app.get('/', (context) =>
    context.json({
      version: CONTRACT_VERSION,
      asyncapi: 'asyncapi.json',
      schemas: SCHEMA_NAMES.map((name) => `${name}.json`),
    }),
  )
  app.get('/asyncapi.json', (context) => context.json(asyncApi(topicPrefix())))
  app.get('/:file', (context) => {
    const name = /^(\w+)\.json$/.exec(context.req.param('file'))?.[1] ?? ''
    if (!isSchema(name)) return context.text('there is no such schema; /schemas/ lists them\n', 404)
    return context.json(schemaOf(name))
  })
  return app
}
