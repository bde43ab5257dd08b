import t from 'tap'
import { cookieOf, type Door, openDoor } from './browser-like.ts'

const ADMIN = 'correct horse battery'
const VIEWER = 'staple and a viewer'
const LOCKED = { http_admin_password: ADMIN, http_viewer_password: VIEWER }

/** Paths with something behind them, and spellings that have opened doors elsewhere. */
const PATHS = [
  '/',
  '/health',
  '/metrics',
  '/mqtt/monitor/',
  '/mqtt/monitor',
  '/mqtt/tools/',
  '/customization/mqtt/',
  '/mqtt/api/visitor',
  '/schemas/',
  '/schemas/asyncapi.json',
  '/mqtt/assets/style.css',
  '/mqtt/assets/monitor.js',
  '//mqtt/monitor/',
  '//monitor',
  '/x/../mqtt/api/visitor',
  '/x/../api/config',
  '/mqtt/assets/../../package.json',
  '/mqtt/assets/..%2f..%2fpackage.json',
  '/mqtt/assets/%2e%2e/%2e%2e/package.json',
  '/MQTT/API/visitor',
  '/API/config',
  '/mqtt/api/visitor/',
  '/mqtt/api/visitor?x=/livez',
  '/mqtt/login/../api/visitor',
  '/mqtt/api;/livez',
  '/livez/../metrics',
  '/mqtt/api/%00',
  '/nothing',
]

t.test('C120 with a password set nothing answers without it but life and readiness', async (t) => {
  const { ask, host } = await openDoor(t, LOCKED)
  for (const path of PATHS) {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH']) {
      const { status, body } = await ask(path, { method, headers: { host } })
      t.ok([401, 403].includes(status), `${method} ${path}: ${status}`)
      t.notMatch(body, /"role"|nemo_mqtt_|"name": ?"nemo-mqtt"|--ground/, `${method} ${path} says nothing`)
    }
    const upgrade = {
      host,
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'x',
      'sec-websocket-version': '13',
    }
    t.ok([401, 403].includes((await ask(path, { headers: upgrade })).status), `websocket ${path}`)
  }
  for (const path of ['/livez', '/readyz']) t.equal((await ask(path, { headers: { host } })).status, 200, path)
})

t.test('the door says 401 with a form, lets the right password in, and leads back only to pages of ours', async (t) => {
  const { ask, host, login } = await openDoor(t, LOCKED)
  const asked = await ask('/mqtt/tools/', { headers: { host, accept: 'text/html' } })
  t.equal(asked.status, 401)
  t.match(asked.body, /<input type="hidden" name="next" value="\/mqtt\/tools\/">/)
  t.notMatch(asked.body, /<script/)
  const post = (body: string) =>
    ask('/mqtt/login', {
      method: 'POST',
      headers: { host, origin: `http://${host}`, 'content-type': 'application/x-www-form-urlencoded' },
      body,
    })
  const let_in = await post(`password=${encodeURIComponent(ADMIN)}&next=/mqtt/tools/`)
  t.match(let_in, { status: 303, headers: { location: '/mqtt/tools/' } })
  t.match(String(let_in.headers['set-cookie']), /HttpOnly; SameSite=Strict/)
  for (const next of [
    '//evil.example',
    'https://evil.example/',
    '/\\evil.example',
    'javascript:alert(1)',
    '/mqtt/../../x',
  ]) {
    const answer = await post(`password=${encodeURIComponent(ADMIN)}&next=${encodeURIComponent(next)}`)
    t.match(answer, { status: 303, headers: { location: '/mqtt/monitor/' } }, next)
  }
  const visitor = await ask('/mqtt/api/visitor', { headers: { host, cookie: await login(VIEWER) } })
  t.strictSame(JSON.parse(visitor.body), { role: 'viewer', name: 'viewer', by: 'session' })
  const hostile = await ask('/mqtt/tools/"><script>alert(1)</script>', { headers: { host, accept: 'text/html' } })
  t.notMatch(hostile.body, /<script/)
})

t.test('a session is what its password makes it: forged, ended or of another password it is none', async (t) => {
  const { ask, host, login } = await openDoor(t, LOCKED)
  const cookie = await login(VIEWER)
  t.not(cookie, '')
  const who = async (given: string) => (await ask('/mqtt/api/visitor', { headers: { host, cookie: given } })).status
  t.equal(await who(cookie), 200)
  t.equal(await who(cookie.replace('viewer', 'admin')), 401, 'a viewer who writes admin into it')
  t.equal(await who(cookie.slice(0, -3)), 401)
  t.equal(await who('nemo_mqtt_session=x'), 401)
  const other = await openDoor(t, { ...LOCKED, http_viewer_password: 'another password' })
  t.equal((await other.ask('/mqtt/api/visitor', { headers: { host: other.host, cookie } })).status, 401)
  const again = await openDoor(t, LOCKED)
  t.equal(
    (await again.ask('/mqtt/api/visitor', { headers: { host: again.host, cookie } })).status,
    200,
    'after a new start',
  )
  const left = await ask('/mqtt/logout', { method: 'POST', headers: { host, origin: `http://${host}`, cookie } })
  t.equal(left.status, 303)
  t.equal(await who(cookie), 401, 'a copy of the cookie is worth nothing after the log-out')
})

t.test('a viewer changes nothing; an admin only from a page of ours, or with a token', async (t) => {
  const { ask, host, login } = await openDoor(t, LOCKED)
  const [viewer, admin] = [await login(VIEWER), await login(ADMIN)]
  const own = `http://${host}`
  const status = async (headers: Record<string, string>, method = 'POST') =>
    (await ask('/mqtt/api/no-such-thing', { method, headers: { host, ...headers } })).status
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
    t.equal(await status({ cookie: viewer, origin: own }, method), 403, `viewer ${method}`)
    t.equal(await status({ cookie: admin, origin: own }, method), 404, `admin ${method}: let in, and nothing is there`)
    for (const origin of [
      'https://evil.example',
      'null',
      `https://${host}`,
      `http://${host}.evil.example`,
      'http://127.0.0.1:1',
      '',
    ]) {
      t.equal(await status({ cookie: admin, origin }, method), 403, `${method} from ${origin}`)
    }
    t.equal(await status({ cookie: admin }, method), 403, `${method} without an origin`)
    t.equal(await status({ cookie: admin, origin: own, 'sec-fetch-site': 'cross-site' }, method), 403)
    t.equal(
      await status({ authorization: `Bearer ${ADMIN}` }, method),
      404,
      'a token needs no origin: no browser sends it by itself',
    )
    t.equal(await status({ authorization: `Bearer ${VIEWER}` }, method), 403)
  }
  const foreign = await ask('/mqtt/login', {
    method: 'POST',
    headers: { host, origin: 'https://evil.example', 'content-type': 'application/x-www-form-urlencoded' },
    body: `password=${encodeURIComponent(ADMIN)}`,
  })
  t.equal(foreign.status, 403, 'nobody is logged in by a page of somebody else')
})

t.test('a name that is not ours is refused: DNS rebinding', async (t) => {
  const { ask, port } = await openDoor(t)
  // What is no name at all is a bad request (400) before it gets to us.
  for (const host of ['evil.example', `evil.example:${port}`, `127.0.0.1.evil.example:${port}`, 'x@127.0.0.1', '[::1'])
    t.ok([400, 403].includes((await ask('/mqtt/monitor/', { headers: { host } })).status), host)
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`])
    t.equal((await ask('/mqtt/monitor/', { headers: { host } })).status, 200, host)
})

t.test('wrong passwords make wait, each address by itself, in forms and in tokens', async (t) => {
  const { ask, host, login } = await openDoor(t, { ...LOCKED, http_trusted_proxies: '127.0.0.9' })
  const guess = (from: string, headers: Record<string, string> = {}) =>
    ask('/mqtt/api/visitor', { from, headers: { host, authorization: 'Bearer wrong', ...headers } })
  for (let n = 0; n < 5; n += 1) t.equal((await guess('127.0.0.2')).status, 401)
  const late = await guess('127.0.0.2')
  t.equal(late.status, 429)
  t.ok(Number(late.headers['retry-after']) > 30, `retry after ${late.headers['retry-after']} s`)
  const right = await ask('/mqtt/api/visitor', {
    from: '127.0.0.2',
    headers: { host, authorization: `Bearer ${ADMIN}` },
  })
  t.equal(right.status, 429, 'even the right one, which nobody has used yet')
  t.equal((await guess('127.0.0.3')).status, 401, 'others are not kept out')
  t.not(await login(ADMIN), '')
  for (let n = 0; n < 5; n += 1) await guess('127.0.0.9', { 'x-forwarded-for': '9.9.9.9, 10.0.0.7' })
  t.equal(
    (await guess('127.0.0.9', { 'x-forwarded-for': '8.8.8.8, 10.0.0.7' })).status,
    429,
    'what is left of it is not believed',
  )
  t.equal((await guess('127.0.0.9', { 'x-forwarded-for': '10.0.0.8' })).status, 401)
  t.equal((await guess('127.0.0.4', { 'x-forwarded-for': '10.0.0.7' })).status, 401, 'nor what a stranger says')
  const flood = await Promise.all(Array.from({ length: 30 }, () => guess('127.0.0.5').then(({ status }) => status)))
  t.ok(flood.filter((status) => status === 401).length <= 5, 'many at once count each')
  t.ok(flood.every((status) => status === 401 || status === 429))
})

t.test('without a password the machine may look and change nothing; what a proxy passes on may not', async (t) => {
  const { ask, host } = await openDoor(t)
  const monitor = await ask('/mqtt/monitor/', { headers: { host } })
  t.equal(monitor.status, 200)
  t.match(monitor.body, /data-role="viewer"/)
  t.equal((await ask('/mqtt/api/x', { method: 'POST', headers: { host, origin: `http://${host}` } })).status, 403)
  for (const header of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'x-forwarded-host']) {
    const answer = await ask('/mqtt/monitor/', { headers: { host, [header]: '10.0.0.1' } })
    t.equal(answer.status, 403, header)
    t.match(answer.body, /NEMO_MQTT_HTTP_VIEWER_PASSWORD/)
  }
  t.equal((await ask('/mqtt/monitor/', { headers: { host, 'x-forwarded-user': 'admin' } })).status, 200)
  const named = JSON.parse((await ask('/mqtt/api/visitor', { headers: { host, 'x-forwarded-user': 'ada' } })).body)
  t.match(named, { role: 'viewer', by: 'machine' }, 'a header names nobody unless a proxy is trusted')
})

t.test('with an admin password alone the machine may look, and whoever logs in may change', async (t) => {
  const { ask, host, login } = await openDoor(t, { http_admin_password: ADMIN })
  t.match((await ask('/mqtt/monitor/', { headers: { host } })).body, /data-role="viewer"/)
  t.match((await ask('/mqtt/monitor/', { headers: { host, cookie: await login(ADMIN) } })).body, /data-role="admin"/)
  t.equal((await ask('/mqtt/monitor/', { headers: { host, via: 'x' } })).status, 401)
})

const BEHIND = {
  http_public_url: 'https://nemo.example.org/sidecar',
  http_trusted_proxies: '127.0.0.9, 10.1.0.0/16',
  http_user_header: 'X-Forwarded-User',
  http_admins: 'ada, grace',
}

t.test('behind a proxy: the user that it names, a prefix, and cookies for TLS alone', async (t) => {
  const door = await openDoor(t, { ...BEHIND, http_admin_password: ADMIN })
  const host = 'nemo.example.org'
  const as = (name: string, from = '127.0.0.9') =>
    door.ask('/sidecar/mqtt/api/visitor', {
      from,
      headers: { host, 'x-forwarded-user': name, 'x-forwarded-for': '10.9.9.9' },
    })
  t.strictSame(JSON.parse((await as('ada')).body), { role: 'admin', name: 'ada', by: 'proxy' })
  t.strictSame(JSON.parse((await as('bob')).body), { role: 'viewer', name: 'bob', by: 'proxy' })
  t.equal((await as('ada', '127.0.0.8')).status, 401, 'from another address the header names nobody')
  t.equal((await as('')).status, 401)
  for (const path of ['/sidecar/mqtt/monitor/', '/mqtt/monitor/']) {
    const { status, body } = await door.ask(path, { from: '127.0.0.9', headers: { host, 'x-forwarded-user': 'ada' } })
    t.equal(status, 200, path)
    t.match(body, /src="\/sidecar\/mqtt\/assets\/monitor.js"/)
  }
  const change = (origin: string) =>
    door.ask('/sidecar/mqtt/api/x', {
      method: 'POST',
      from: '127.0.0.9',
      headers: { host, origin, 'x-forwarded-user': 'ada' },
    })
  t.equal((await change('https://nemo.example.org')).status, 404)
  t.equal((await change('http://nemo.example.org')).status, 403)
  const answer = await door.ask('/sidecar/mqtt/login', {
    method: 'POST',
    from: '127.0.0.9',
    headers: { host, origin: 'https://nemo.example.org', 'content-type': 'application/x-www-form-urlencoded' },
    body: `password=${encodeURIComponent(ADMIN)}`,
  })
  t.match(String(answer.headers['set-cookie']), /Path=\/sidecar\/; HttpOnly; Secure; SameSite=Strict/)
  t.equal(answer.headers.location, '/sidecar/mqtt/monitor/')
  t.not(cookieOf(answer), '')
})

t.test('what is too large is refused, and pages forbid scripts that are not ours', async (t) => {
  const { ask, host } = await openDoor(t, LOCKED)
  const large = await ask('/mqtt/api/x', {
    method: 'POST',
    headers: { host, authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
    body: 'x'.repeat(300 * 1024),
  })
  t.equal(large.status, 413)
  const form = await ask('/mqtt/login', {
    method: 'POST',
    headers: { host, origin: `http://${host}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: `password=${'x'.repeat(300 * 1024)}`,
  })
  t.equal(form.status, 413)
  const { headers } = await ask('/mqtt/monitor/', { headers: { host, authorization: `Bearer ${ADMIN}` } })
  const policy = String(headers['content-security-policy'])
  t.match(policy, /default-src 'none'; script-src 'self'; style-src 'self' 'sha256-/)
  t.notMatch(policy, /unsafe|\*/)
  t.match(policy, /frame-ancestors 'self'/)
  t.equal(headers['x-content-type-options'], 'nosniff')
})

t.test('the files of the pages: only those, packed, and not sent twice', async (t) => {
  const door: Door = await openDoor(t)
  const { ask, host } = door
  const first = await ask('/mqtt/assets/monitor.js', { headers: { host } })
  t.match(first, { status: 200, headers: { 'content-type': /javascript/ } })
  const again = await ask('/mqtt/assets/monitor.js', { headers: { host, 'if-none-match': String(first.headers.etag) } })
  t.strictSame([again.status, again.body], [304, ''])
  t.equal(
    (await ask('/mqtt/assets/monitor.js', { headers: { host, 'accept-encoding': 'gzip' } })).headers[
      'content-encoding'
    ],
    'gzip',
  )
  for (const path of [
    '..%2f..%2fpackage.json',
    '%2e%2e/package.json',
    '../../package.json',
    'monitor.js.LEGAL.txt',
    'x',
  ])
    t.equal((await ask(`/mqtt/assets/${path}`, { headers: { host } })).status, 404, path)
})
