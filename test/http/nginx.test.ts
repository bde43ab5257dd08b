import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { freePort } from '../../lab/port.ts'
import { StartedProgram } from '../../lab/process.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { program } from '../fixtures/service.ts'
import { startBrowser } from '../pages/browser.ts'
import { Authority } from '../tls/certificates.ts'
import { openDoor } from './browser-like.ts'

t.setTimeout(60_000)

const EXAMPLE = readFileSync(join(PACKAGE_ROOT, 'integrations/nginx-nemo.conf'), 'utf8')
const ADMIN = 'correct horse battery'

/** A web server that answers everything as NEMO would. */
async function startNemo(t: Test): Promise<number> {
  const server = createServer((_request, response) => response.end('<title>NEMO</title>the page of NEMO'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** nginx with TLS in front of NEMO, and our example included as it is but for the port of the sidecar. */
async function startNginx(t: Test, ports: { nemo: number; sidecar: number; own: number }, auth = ''): Promise<void> {
  const folder = temporaryFolder('nginx')
  const { cert, key } = new Authority('laboratory').sign({ name: 'nemo.example.org', names: 'DNS:nemo.example.org' })
  writeFileSync(join(folder, 'sidecar.conf'), EXAMPLE.replace('127.0.0.1:8080', `127.0.0.1:${ports.sidecar}`))
  writeFileSync(join(folder, 'users'), 'ada:{PLAIN}lovelace\nbob:{PLAIN}builder\n')
  const configuration = `
    daemon off; pid ${folder}/pid; error_log stderr; worker_processes 1; ${process.getuid?.() === 0 ? 'user root;' : ''}
    events {}
    http {
      access_log off;
      ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')}
      server {
        listen 127.0.0.1:${ports.own} ssl; server_name nemo.example.org;
        ssl_certificate ${cert}; ssl_certificate_key ${key};
        ${auth.replace('FOLDER', folder)}
        include ${folder}/sidecar.conf;
        location / { proxy_pass http://127.0.0.1:${ports.nemo}; }
      }
    }`
  writeFileSync(join(folder, 'nginx.conf'), configuration)
  const nginx = new StartedProgram({
    name: 'nginx',
    program: program('nginx'),
    arguments: ['-c', join(folder, 'nginx.conf')],
    folder,
    isReady: async () => (await get(ports.own, '/').catch(() => undefined)) !== undefined,
  })
  t.teardown(() => nginx.kill())
  await nginx.start()
}

async function get(
  port: number,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  return await new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      path,
      headers: { host: `nemo.example.org:${port}`, ...headers },
      rejectUnauthorized: false,
    }
    request(options, (answer) => {
      let body = ''
      answer.on('data', (part) => {
        body += String(part)
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }))
    })
      .on('error', reject)
      .end()
  })
}

t.test('the nginx example puts the pages under the host name of NEMO, with a password', async (t) => {
  const nemo = await startNemo(t)
  const own = await freePort()
  const door = await openDoor(t, {
    http_public_url: `https://nemo.example.org:${own}`,
    http_trusted_proxies: '127.0.0.1',
    http_admin_password: ADMIN,
  })
  await startNginx(t, { nemo, sidecar: door.port, own })
  t.match(await get(own, '/'), { status: 200, body: /the page of NEMO/ })
  t.match(await get(own, '/customization/'), { status: 200, body: /the page of NEMO/ }, 'what is NEMO’s stays NEMO’s')
  for (const path of ['/mqtt/monitor/', '/customization/mqtt/', '/mqtt/api/visitor'])
    t.equal((await get(own, path)).status, 401, path)
  const forged = await get(own, '/mqtt/api/visitor', { 'x-forwarded-user': 'ada', 'x-forwarded-for': '127.0.0.1' })
  t.equal(forged.status, 401, 'what a browser says of itself is not believed')

  const browser = await startBrowser(t)
  const page = await browser.open(`https://nemo.example.org:${own}/customization/mqtt/`, { ignoreHTTPSErrors: true })
  await page.getByLabel('Password or token').fill(ADMIN)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.locator('nav a[aria-current=page]', { hasText: 'Configuration' }).waitFor()
  t.equal(new URL(page.url()).pathname, '/customization/mqtt/')
  const cookies = await page.context().cookies()
  t.match(cookies, [{ httpOnly: true, secure: true, sameSite: 'Strict' }])
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByLabel('Password or token').waitFor()
})

t.test('with users that nginx knows, each has the role that the settings give', async (t) => {
  const nemo = await startNemo(t)
  const own = await freePort()
  const door = await openDoor(t, {
    http_public_url: `https://nemo.example.org:${own}`,
    http_trusted_proxies: '127.0.0.1',
    http_user_header: 'X-Forwarded-User',
    http_admins: 'ada',
  })
  await startNginx(t, { nemo, sidecar: door.port, own }, 'auth_basic NEMO; auth_basic_user_file FOLDER/users;')
  const as = async (who: string) => {
    const authorization = `Basic ${Buffer.from(who).toString('base64')}`
    return await get(own, '/mqtt/api/visitor', { authorization, 'x-forwarded-user': 'ada' })
  }
  t.match(await as('ada:lovelace'), { status: 200, body: /"role":"admin","name":"ada"/ })
  t.match(await as('bob:builder'), { status: 200, body: /"role":"viewer","name":"bob"/ })
  t.equal((await as('bob:wrong')).status, 401)
  t.equal(
    (await door.ask('/mqtt/api/visitor', { headers: { host: door.host } })).status,
    403,
    'past nginx nobody gets in',
  )
})
