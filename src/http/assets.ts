import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Hono } from 'hono'
import { PACKAGE_ROOT } from '../version.ts'
import type { Web } from './access/visitor.ts'

const FOLDER = join(PACKAGE_ROOT, 'dist', 'pages')
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
}

interface Asset {
  readonly type: string
  readonly etag: string
  readonly plain: Uint8Array<ArrayBuffer>
  readonly gzip: Uint8Array<ArrayBuffer>
}

/**
 * The scripts and styles of the pages, read once at the first question. Only these names exist, so no path leads
 * anywhere else.
 */
export function assetRoutes(): Hono<Web> {
  let assets: ReadonlyMap<string, Asset> | undefined
  return new Hono<Web>().get('/:name', (context) => {
    assets ??= readAssets()
    const asset = assets.get(context.req.param('name'))
    if (asset === undefined) return context.text('there is no such file\n', 404)
    context.header('etag', asset.etag)
    context.header('cache-control', 'no-cache') // asked again each time, and answered with 304
    context.header('vary', 'accept-encoding')
    if (context.req.header('if-none-match') === asset.etag) return context.body(null, 304)
    context.header('content-type', asset.type)
    if (!(context.req.header('accept-encoding') ?? '').includes('gzip')) return context.body(asset.plain)
    context.header('content-encoding', 'gzip')
    return context.body(asset.gzip)
  })
}

function readAssets(): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>()
  for (const name of readdirSync(FOLDER)) {
    const type = TYPES[name.slice(name.lastIndexOf('.'))]
    if (type === undefined) continue // licences of the libraries, for whoever unpacks the package
    const plain = readFileSync(join(FOLDER, name))
    const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`
    assets.set(name, { type, etag, plain: new Uint8Array(plain), gzip: new Uint8Array(gzipSync(plain, { level: 9 })) })
  }
  return assets
}
