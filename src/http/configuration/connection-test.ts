import { RateLimiterMemory } from 'rate-limiter-flexible'
import { testBroker } from '../../check/broker-test.ts'
import { secretsOf } from '../../config/resolve.ts'
import type { Settings } from '../../config/settings.ts'
import { redact } from '../../log.ts'
import { Busy } from '../error-answer.ts'
import type { TestResult } from '../wire/configuration.ts'

/** Longest test, in milliseconds: a page waits for an answer a second longer. */
const TEST_MS = 9_000
/** Tests in a minute: each one is a few connections that somebody else's server has to take. */
const TESTS_A_MINUTE = 12
/** Longest text about one layer, in characters: a broker may send any reason. */
const LONGEST = 1_000

/** Tries a broker for somebody at a page: one at a time, not too often, and not for long. */
export class ConnectionTest {
  readonly #limit = new RateLimiterMemory({ points: TESTS_A_MINUTE, duration: 60 })
  #isRunning = false

  /** Connects with these settings and sends a message. @throws Busy */
  async run(settings: Settings): Promise<TestResult> {
    if (this.#isRunning) throw new Busy('a test is running already: wait until it has ended')
    this.#isRunning = true
    try {
      await this.#limit.consume('all').catch(({ msBeforeNext }: { msBeforeNext: number }) => {
        throw new Busy(`${TESTS_A_MINUTE} tests a minute are enough: wait ${Math.ceil(msBeforeNext / 1_000)} s`)
      })
      const since = performance.now()
      const secrets = secretsOf(settings)
      const clean = (text: string): string => redact(text, secrets).slice(0, LONGEST)
      const findings = await testBroker(settings, AbortSignal.timeout(TEST_MS))
      const lines = findings.map(({ layer, level, found, todo }) => {
        return { layer, level, found: clean(found), ...(todo === undefined ? {} : { todo: clean(todo) }) }
      })
      return { lines, ms: Math.round(performance.now() - since) }
    } finally {
      this.#isRunning = false
    }
  }
}
