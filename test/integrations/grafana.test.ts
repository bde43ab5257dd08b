import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { parse } from 'yaml'
import { Health } from '../../src/health.ts'
import { Metrics } from '../../src/http/metrics.ts'
import { Pulse } from '../../src/pulse.ts'
import { Traffic } from '../../src/traffic.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'

const FOLDER = join(PACKAGE_ROOT, 'integrations', 'grafana')

interface Dashboard {
  readonly panels: ReadonlyArray<{
    readonly title: string
    readonly gridPos: { readonly x: number; readonly w: number }
    readonly targets: ReadonlyArray<{ readonly expr: string }>
  }>
}

/** Names of the metrics, as a scrape has them, those of the histogram too. */
async function namesOfMetrics(): Promise<ReadonlySet<string>> {
  const health = new Health(pino({ level: 'silent' }))
  const observed = {
    health,
    pulse: new Pulse(),
    readiness: () => ({ isReady: true, role: 'active', why: '' }) as const,
    stuck: () => [],
    changeLog: async () => undefined,
    queue: async () => undefined,
    inFlight: () => undefined,
  }
  const { text } = await new Metrics(observed, new Traffic()).text()
  const names = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)]
  return new Set(
    names.flatMap(([, name = '', type]) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => name + part) : [name],
    ),
  )
}

t.test('every metric that dashboard and alerts ask for exists', async (t) => {
  const names = await namesOfMetrics()
  const files = ['dashboard.json', 'alerts.yaml'].map((name) => readFileSync(join(FOLDER, name), 'utf8'))
  const asked = new Set(files.flatMap((text) => [...text.matchAll(/\bnemo_mqtt_\w+/g)].map(([name]) => name)))
  t.ok(asked.size > 15, `${asked.size} metrics are asked for`)
  for (const name of asked) t.ok(names.has(name), name)
})

t.test('the dashboard fits the grid and every panel asks something', async (t) => {
  const { panels } = JSON.parse(readFileSync(join(FOLDER, 'dashboard.json'), 'utf8')) as Dashboard
  for (const { title, gridPos, targets } of panels) {
    t.ok(gridPos.x + gridPos.w <= 24, title)
    t.ok(targets.length > 0 && targets.every(({ expr }) => expr.includes('instance=~"$instance"')), title)
  }
})

t.test('every alert says what is wrong and what to do', async (t) => {
  const { groups } = parse(readFileSync(join(FOLDER, 'alerts.yaml'), 'utf8')) as {
    groups: Array<{
      rules: Array<{ alert: string; expr: string; annotations: { summary: string; description: string } }>
    }>
  }
  for (const { alert, expr, annotations } of groups.flatMap(({ rules }) => rules)) {
    t.match(expr, /nemo_mqtt_|up\{/, alert)
    t.ok(annotations.summary.length > 10 && annotations.description.length > 10, alert)
  }
})
