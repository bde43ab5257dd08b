import type { Context } from 'hono'
import { html } from 'hono/html'
import type { Web } from './access/visitor.ts'

/** A page: the script that draws it has the same name. */
export interface Page {
  readonly name: 'monitor' | 'tools' | 'configuration'
  readonly title: string
}

/** What a page's script needs to know before it asks anything; in `data-` attributes of the body. */
export interface PageData {
  /** What stands in front of every path of ours: empty, or `/path` behind a reverse proxy. */
  readonly prefix: string
  /** Whether there is a password to log in with. */
  readonly hasPasswords: boolean
}

/** The frame of a page; everything in it is drawn by its script. */
export async function page(context: Context<Web>, { name, title }: Page, data: PageData): Promise<Response> {
  const { role, by, name: visitor } = context.get('visitor')
  const { prefix, hasPasswords } = data
  const text = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title} · NEMO MQTT</title>
<link rel="stylesheet" href="${prefix}/mqtt/assets/style.css">
<script type="module" src="${prefix}/mqtt/assets/${name}.js"></script>
</head>
<body data-prefix="${prefix}" data-page="${name}" data-role="${role}" data-by="${by}" data-visitor="${visitor}" data-has-passwords="${String(hasPasswords)}">
<noscript>This page needs JavaScript. Without it: nemo-mqtt monitor, nemo-mqtt config, nemo-mqtt status.</noscript>
</body>
</html>`
  return context.html(await text)
}
