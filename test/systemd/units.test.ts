import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { requirePrograms } from '../../lab/install.ts'
import { exampleEnvironment } from '../../src/config/example.ts'
import { SETTINGS } from '../../src/config/settings.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'

const FOLDER = join(PACKAGE_ROOT, 'systemd')
const UNITS = readdirSync(FOLDER).filter((name) => /\.(service|timer)$/.test(name))
const SERVICES = UNITS.filter((name) => name.endsWith('.service'))
const [analyze = ''] = requirePrograms(['systemd-analyze'])

/** The value of a directive in a unit file; the last one counts. */
function directive(unit: string, name: string): string | undefined {
  const lines = readFileSync(join(FOLDER, unit), 'utf8').split('\n')
  return lines.findLast((line) => line.startsWith(`${name}=`))?.slice(name.length + 1)
}

t.test('systemd understands every unit, and has nothing to complain of', async (t) => {
  t.strictSame(UNITS.sort(), ['nemo-mqtt-check.service', 'nemo-mqtt-check.timer', 'nemo-mqtt.service'])
  for (const unit of UNITS) {
    const said = execFileSync(analyze, ['verify', join(FOLDER, unit)], { encoding: 'utf8', stdio: 'pipe' })
    t.equal(said, '', unit)
  }
})

t.test('the services are locked up: exposure 2.0 at most', async (t) => {
  for (const unit of SERVICES) {
    const said = execFileSync(analyze, ['security', '--offline=true', join(FOLDER, unit)], { encoding: 'utf8' })
    const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(said) ?? []
    t.ok(Number(exposure) <= 2, `${unit}: ${exposure}`)
  }
})

t.test('C108 no outage exhausts the restarts: there is no limit, and a pause between them', async (t) => {
  const unit = 'nemo-mqtt.service'
  t.equal(directive(unit, 'StartLimitIntervalSec'), '0')
  t.equal(directive(unit, 'Restart'), 'always')
  t.ok(Number(directive(unit, 'RestartSec')) >= 2)
  t.equal(directive(unit, 'Type'), 'notify')
  t.equal(directive(unit, 'NotifyAccess'), 'all', 'systemd-notify is a child of ours')
  t.equal(directive(unit, 'TimeoutStartSec'), 'infinity', 'a broker that is away at boot is waited for')
  t.ok(Number(directive(unit, 'TimeoutStopSec')) > 4.5, 'longer than our own grace')
  t.ok(Number(directive(unit, 'WatchdogSec')) > 60, 'longer than what counts as stuck')
})

t.test('the example of the environment lists every variable once, and nothing else', async (t) => {
  const example = readFileSync(join(FOLDER, 'environment.example'), 'utf8')
  t.equal(example, exampleEnvironment())
  const variables = [...example.matchAll(/^#(NEMO_MQTT_\w+)=/gm)].map(([, name]) => name ?? '')
  const all = Object.keys(SETTINGS.properties).map((name) => `NEMO_MQTT_${name.toUpperCase()}`)
  t.strictSame(variables.sort(), all.sort())
})
