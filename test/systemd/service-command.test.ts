import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { installService, removeService } from '../../src/commands/service.ts'

/** Places of one's own, and a systemctl that writes down what it was asked. */
function open(exitCode = 0) {
  const folder = temporaryFolder('service')
  const asked = join(folder, 'asked')
  const systemctl = join(folder, 'systemctl')
  writeFileSync(systemctl, `#!/bin/sh\necho "$@" >>'${asked}'\nexit ${exitCode}\n`)
  chmodSync(systemctl, 0o755)
  const places = { units: join(folder, 'units'), configuration: join(folder, 'nemo-mqtt'), systemctl }
  mkdirSync(places.units)
  const lines: string[] = []
  const print = (line: string): void => {
    lines.push(line)
  }
  const calls = (): string[] => (existsSync(asked) ? readFileSync(asked, 'utf8').trim().split('\n') : [])
  return { places, lines, print, calls }
}

t.test('install writes the units with the paths of this program, and a place for settings and secrets', async (t) => {
  const { places, lines, print, calls } = open()
  t.equal(await installService({}, print, places), 0)
  const unit = readFileSync(join(places.units, 'nemo-mqtt.service'), 'utf8')
  const [, node = '', program = ''] = /^ExecStart=(\S+) (\S+) run$/m.exec(unit) ?? []
  t.equal(node, process.execPath)
  t.ok(existsSync(program), program)
  const check = readFileSync(join(places.units, 'nemo-mqtt-check.service'), 'utf8')
  t.match(check, /^ExecStart=\/\S+ \/\S+nemo-mqtt-check\.js --nagios$/m)
  t.ok(existsSync(join(places.units, 'nemo-mqtt-check.timer')))
  t.equal(statSync(join(places.configuration, 'secrets')).mode & 0o777, 0o700)
  t.equal(statSync(join(places.configuration, 'environment')).mode & 0o777, 0o640)
  t.strictSame(calls(), ['daemon-reload'], 'nothing is started')
  t.match(lines.join('\n'), /systemctl enable --now nemo-mqtt nemo-mqtt-check.timer/)
})

t.test('a second install keeps the settings; remove takes the units away and keeps them too', async (t) => {
  const { places, print, calls } = open()
  await installService({}, print, places)
  const environment = join(places.configuration, 'environment')
  writeFileSync(environment, 'NEMO_MQTT_BROKER_HOST=mine\n')
  await installService({}, print, places)
  t.equal(readFileSync(environment, 'utf8'), 'NEMO_MQTT_BROKER_HOST=mine\n')
  await removeService({}, print, places)
  t.strictSame(calls().slice(2), ['disable --now nemo-mqtt-check.timer nemo-mqtt.service', 'daemon-reload'])
  for (const name of ['nemo-mqtt.service', 'nemo-mqtt-check.service', 'nemo-mqtt-check.timer']) {
    t.notOk(existsSync(join(places.units, name)), name)
  }
  t.ok(existsSync(environment))
  const { lines, print: again } = open()
  await removeService({}, again, places)
  t.match(lines, [/not installed/])
})

t.test('--dry-run says everything and does nothing', async (t) => {
  const { places, lines, print, calls } = open()
  await installService({ 'dry-run': true }, print, places)
  t.match(lines, [
    /^would make .*secrets/,
    /^would write .*environment/,
    /^would write/,
    /^would write/,
    /^would write/,
    /daemon-reload$/,
  ])
  t.notOk(existsSync(places.configuration))
  t.strictSame(calls(), [])
  await installService({}, print, places)
  await removeService({ 'dry-run': true }, print, places)
  t.ok(existsSync(join(places.units, 'nemo-mqtt.service')))
})

t.test('what systemd or the machine refuses is said with what to do', async (t) => {
  const { places, print } = open(1)
  await t.rejects(installService({}, print, places), { code: 'NEMO_MQTT_ERR_SYSTEMD', message: /daemon-reload/ })
})
