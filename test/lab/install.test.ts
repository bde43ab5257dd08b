import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { requirePrograms } from '../../lab/install.ts'
import { findProgram } from '../../lab/programs.ts'

/** A machine whose only programs are in one folder, some of them made here and some borrowed. */
function machine(borrowed: readonly string[], made: Record<string, string> = {}) {
  const folder = temporaryFolder('machine')
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  for (const name of borrowed) symlinkSync(findProgram(name) ?? name, join(bin, name))
  for (const [name, text] of Object.entries(made)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const environment = { PATH: bin, NEMO_LAB_FOLDERS: '', TMPDIR: folder }
  return { folder, bin, environment, policyFile: join(folder, 'policy-rc.d'), lockFile: join(folder, 'lock') }
}

t.test('C116 a missing program is named with its package and command, all of them in one message', async (t) => {
  const { environment } = machine([])
  const ask = () => requirePrograms(['redis-server', 'mosquitto', 'mosquitto_sub'], { environment, isRoot: true })
  t.throws(ask, {
    message:
      'missing: redis-server, mosquitto, mosquitto_sub (not in PATH). On Debian or Ubuntu install with\n' +
      '  sudo apt-get install --no-install-recommends redis-server mosquitto mosquitto-clients',
  })
})

t.test('nothing is installed for somebody who is not root', async (t) => {
  const { folder, environment } = machine([], { 'apt-get': 'touch "$TMPDIR/called"' })
  t.throws(() => requirePrograms(['redis-server'], { environment, isRoot: false }), /sudo apt-get install/)
  t.notOk(existsSync(join(folder, 'called')))
})

// Stands for the real one: installs a program, and asks as invoke-rc.d does whether it may start the daemon.
const APT_GET = `
echo "$@" >>"$TMPDIR/calls"
case "$*" in
  *update*) touch "$TMPDIR/updated"; exit 0 ;;
esac
[ -e "$TMPDIR/updated" ] || { echo "E: Unable to locate package" >&2; exit 100; }
code=0; "$TMPDIR/policy-rc.d" redis-server start || code=$?
echo "$code $DEBIAN_FRONTEND" >"$TMPDIR/policy"
printf '#!/bin/sh\\n' >"$TMPDIR/bin/redis-server"; chmod 755 "$TMPDIR/bin/redis-server"
`

t.test('root gets what is missing, no daemon starts, and the policy is taken back', async (t) => {
  const { folder, bin, environment, policyFile, lockFile } = machine(['flock', 'rm', 'chmod', 'touch'], {
    'apt-get': APT_GET,
  })
  const options = { environment, isRoot: true, policyFile, lockFile }
  t.strictSame(requirePrograms(['redis-server'], options), [join(bin, 'redis-server')])
  t.equal(readFileSync(join(folder, 'policy'), 'utf8').trim(), '101 noninteractive')
  t.match(
    readFileSync(join(folder, 'calls'), 'utf8'),
    /install -y --no-install-recommends redis-server\n.*update\n.*install/,
  )
  t.notOk(existsSync(policyFile))
})

t.test('a policy that is there already is left alone', async (t) => {
  const { environment, policyFile, lockFile } = machine(['flock', 'rm', 'chmod', 'touch'], { 'apt-get': APT_GET })
  writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  requirePrograms(['redis-server'], { environment, isRoot: true, policyFile, lockFile })
  t.ok(existsSync(policyFile))
})

t.test('an installation that fails says what apt-get said, and the policy is taken back', async (t) => {
  const failing = { 'apt-get': 'echo "E: no space left" >&2; exit 100' }
  const { environment, policyFile, lockFile } = machine(['flock', 'rm', 'chmod'], failing)
  const ask = () => requirePrograms(['redis-server'], { environment, isRoot: true, policyFile, lockFile })
  t.throws(ask, /missing: redis-server [\s\S]*apt-get failed:\n[\s\S]*no space left/)
  t.notOk(existsSync(policyFile))
})
