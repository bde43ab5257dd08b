import { requirePrograms } from './install.ts'

// To be run before the tests: they start real servers, and a test that is skipped for want of one proves nothing.
try {
  requirePrograms([
    'redis-server',
    'postgres',
    'initdb',
    'psql',
    'mosquitto',
    'mosquitto_sub',
    'mosquitto_pub',
    'openssl',
  ])
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
