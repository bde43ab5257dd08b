import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { html, raw } from 'hono/html'

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 0; min-height: 100vh; display: grid; place-items: center }
form { width: min(22rem, 90vw); display: grid; gap: .75rem }
h1 { font-size: 1.25rem; margin: 0 }
input, button { font: inherit; padding: .5rem .75rem; border: 1px solid GrayText; border-radius: .375rem }
[role=alert] { margin: 0; font-weight: 600 }
`

/** The one inline style there is, allowed by its hash: whoever is not let in gets no file of ours. */
export const LOGIN_STYLE = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`

/**
 * The door: asks for a password. Works without script.
 *
 * @param next path to go to afterwards
 */
export async function loginPage(
  context: Context,
  prefix: string,
  problem: string,
  status: 200 | 401 | 429,
  next: string,
): Promise<Response> {
  const page = html`<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Log in · NEMO MQTT</title>
<style>${raw(STYLE)}</style>
<form method="post" action="${prefix}/mqtt/login">
<h1>NEMO MQTT</h1>
${problem === '' ? '' : html`<p role="alert">${problem}</p>`}
<label for="password">Password or token</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="${next}">
<button>Log in</button>
</form>`
  return context.html(await page, status)
}
