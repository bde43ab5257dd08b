import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { temporaryFolder } from '../../lab/folder.ts'
import { requirePrograms } from '../../lab/install.ts'
import { freePort } from '../../lab/port.ts'
import { StartedProgram } from '../../lab/process.ts'
import { until } from '../../lab/wait.ts'
import { fromEnvironment } from '../../src/config/environment.ts'
import { SETTINGS } from '../../src/config/settings.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { runCli } from '../fixtures/service.ts'
import { openLaboratory } from '../service/laboratory.ts'

/** No container can be built here: every line that can go wrong is tried for itself. */
const FOLDER = join(PACKAGE_ROOT, 'containers')
const dockerfile = readFileSync(join(FOLDER, 'Dockerfile'), 'utf8')
const packageJson = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as {
  scripts: object
  bin: object
  files: readonly string[]
}

interface ComposeService {
  readonly image: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly read_only?: boolean
  readonly depends_on?: Readonly<Record<string, unknown>>
}
const compose = parse(readFileSync(join(FOLDER, 'compose.yaml'), 'utf8')) as {
  services: Readonly<Record<string, ComposeService>>
  secrets: Readonly<Record<string, { file: string }>>
  volumes: object
}

t.test('the Dockerfile copies what exists, runs scripts that exist, and ends as a user who is not root', async (t) => {
  const lines = dockerfile.replaceAll('\\\n', ' ').split('\n')
  const instructions = lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(/\s+/))
  const known = new Set(['FROM', 'WORKDIR', 'COPY', 'RUN', 'ENV', 'USER', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'])
  for (const [instruction = ''] of instructions) t.ok(known.has(instruction), instruction)
  for (const [instruction, ...words] of instructions) {
    if (instruction !== 'COPY') continue
    const sources = words.filter((word) => !word.startsWith('--')).slice(0, -1)
    for (const source of sources.map((word) => word.replace(/^\/build\//, ''))) {
      t.ok(existsSync(join(PACKAGE_ROOT, source)), `COPY ${source}`)
    }
  }
  for (const shipped of packageJson.files.filter((file) => /^(dist\/|sql|systemd)/.test(file))) {
    t.match(dockerfile, `/build/${shipped} ${shipped}\n`, `what the package ships is in the image: ${shipped}`)
  }
  const scripts = [...dockerfile.matchAll(/npm run (\S+)/g)].map(([, name]) => name ?? '')
  t.ok(scripts.length > 0 && scripts.every((name) => name in packageJson.scripts), scripts.join())
  for (const [, path = '', name = ''] of dockerfile.matchAll(
    /ln -s \/opt\/nemo-mqtt\/(\S+) \/usr\/local\/bin\/(\S+)/g,
  )) {
    t.equal((packageJson.bin as Record<string, string>)[name], path, name)
  }
  t.match(dockerfile, /^USER node$/m)
  t.ok(dockerfile.lastIndexOf('USER') > dockerfile.lastIndexOf('RUN'), 'nothing runs as root after it')
})

t.test(
  'the compose file: secrets exist, settings are known, nothing but the broker is published, on loopback',
  async (t) => {
    const { services, secrets } = compose
    for (const [name, service] of Object.entries(services)) {
      for (const secret of service.secrets ?? []) t.ok(secret in secrets, `${name}: ${secret}`)
      for (const other of Object.keys(service.depends_on ?? {})) t.ok(other in services, `${name} waits for ${other}`)
      for (const port of service.ports ?? []) t.match(port, /^127\.0\.0\.1:/)
      for (const value of Object.values(service.environment ?? {})) {
        const [, secret] = /^\/run\/secrets\/(\w+)$/.exec(value) ?? []
        if (secret !== undefined) t.ok(service.secrets?.includes(secret), `${name} mounts ${secret}`)
      }
    }
    const ours = services['nemo-mqtt']
    t.equal(ours?.read_only, true)
    const names = Object.keys(ours?.environment ?? {}).map((name) => name.replace(/^NEMO_MQTT_/, '').toLowerCase())
    for (const name of names) t.ok(name.replace(/_file$/, '') in SETTINGS.properties, name)
  },
)

t.test('each command line of the compose file and the health check work', async (t) => {
  const laboratory = await openLaboratory(t)
  const { services, secrets } = compose
  const folder = temporaryFolder('compose')
  mkdirSync(join(folder, 'run'))
  const owner = laboratory.databaseUrl
  const contents: Readonly<Record<string, string>> = { owner_url: owner, database_url: laboratory.serviceUrl }
  for (const name of Object.keys(secrets))
    writeFileSync(join(folder, 'run', name), `${contents[name] ?? `the ${name}`}\n`)
  const environmentOf = (name: string): Record<string, string> =>
    Object.fromEntries(
      Object.entries(services[name]?.environment ?? {}).map(([variable, value]) => [
        variable,
        value.replace('/run/secrets', join(folder, 'run')),
      ]),
    )
  const migrate = await runCli(services['nemo-mqtt-migrate']?.command ?? [], environmentOf('nemo-mqtt-migrate'))
  t.equal(migrate.code, 0, migrate.output)

  const port = await freePort()
  const given = { ...environmentOf('nemo-mqtt'), NEMO_MQTT_HTTP_PORT: String(port) }
  t.strictSame(fromEnvironment(given).problems, [])
  const service = await laboratory.start({ settings: { http_port: port } })
  const healthCheck = (): number => {
    const [, words = '[]'] = /^HEALTHCHECK[^[]*CMD (\[.*\])$/m.exec(dockerfile.replaceAll('\\\n', ' ')) ?? []
    const [program, ...rest] = JSON.parse(words.replaceAll(':8080/', `:${port}/`)) as string[]
    t.equal(program, 'node')
    try {
      execFileSync(process.execPath, rest, { timeout: 10_000 })
      return 0
    } catch (error) {
      return (error as { status: number }).status
    }
  }
  await service.says('http', 'ok')
  t.equal(healthCheck(), 0)
  await service.stop()
  t.equal(healthCheck(), 1, 'and fails when nobody answers')
})

t.test(
  'C112 the broker of the compose file listens for others and lets in who has the password, and nobody else',
  async (t) => {
    const [mosquitto = '', passwd = '', publish = ''] = requirePrograms([
      'mosquitto',
      'mosquitto_passwd',
      'mosquitto_pub',
    ])
    const folder = temporaryFolder('mosquitto')
    const port = await freePort()
    const passwords = join(folder, 'passwords')
    writeFileSync(passwords, '')
    execFileSync(passwd, ['-b', passwords, 'nemo', 'pw'], { stdio: 'pipe' })
    execFileSync('chmod', ['-R', '777', folder])
    const configuration = readFileSync(join(FOLDER, 'mosquitto.conf'), 'utf8')
      .replace('listener 1883', `listener ${port}`)
      .replace('/mosquitto/config/passwords', passwords)
      .replace('/mosquitto/data/', `${folder}/`)
    writeFileSync(join(folder, 'mosquitto.conf'), configuration)
    const broker = new StartedProgram({
      name: 'mosquitto',
      program: mosquitto,
      arguments: ['-c', join(folder, 'mosquitto.conf')],
    })
    await broker.start()
    t.teardown(() => broker.kill())
    const send = (...who: string[]): string => {
      try {
        execFileSync(publish, ['-h', '127.0.0.1', '-p', String(port), '-t', 'a', '-m', 'b', ...who], { stdio: 'pipe' })
        return 'accepted'
      } catch (error) {
        return String((error as { stderr: Buffer }).stderr)
      }
    }
    await until(() => !/refused: Connection refused|Connection refused\n/.test(send('-u', 'nemo', '-P', 'pw')), {
      what: 'the broker',
    })
    t.equal(send('-u', 'nemo', '-P', 'pw'), 'accepted')
    t.match(send(), /not authori[sz]ed/i)
    t.match(send('-u', 'nemo', '-P', 'wrong'), /not authori[sz]ed/i)
  },
)
