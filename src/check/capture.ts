import type { Drift, DriftCode } from '../db/drift.ts'
import { ruleDrift } from '../db/drift-rules.ts'
import { recordedMigrations } from '../db/migrate.ts'
import { migrationFiles } from '../db/sql-files.ts'
import { type Check, critical, type Finding, ok, warning } from './finding.ts'
import type { Site } from './site.ts'

/** Which check tells of a difference. */
const TOLD_BY = {
  SCHEMA: ['schema_missing', 'log_missing', 'log_unusable'],
  CAPTURE_FUNCTION: ['function_missing', 'function_changed'],
  TRIGGERS: ['watch_missing', 'table_missing', 'trigger_missing', 'trigger_disabled', 'trigger_changed'],
  WATCHED_COLUMNS: ['column_missing'],
  CAPTURE_ON: ['capture_paused'],
} as const satisfies Readonly<Record<string, readonly DriftCode[]>>

/** Whether every change of NEMO gets into the log. */
export const CAPTURE_CHECKS: readonly Check[] = [
  {
    code: 'SCHEMA',
    needs: ['DB_RIGHTS'],
    causes: ['MIGRATIONS'],
    look: async (site) => await differences(site, 'SCHEMA', 'the tables of schema nemo_mqtt are there'),
  },
  {
    code: 'MIGRATIONS',
    needs: ['DB_RIGHTS'],
    look: async (site) => {
      const applied = await recordedMigrations(await site.database())
      const shipped = migrationFiles().map(({ name }) => name)
      const newer = applied.filter((name) => !shipped.includes(name))
      const pending = shipped.filter((name) => !applied.includes(name))
      if (applied.length === 0) return critical('the schema nemo_mqtt is not in the database', 'nemo-mqtt migrate')
      if (pending.length > 0) return critical(`migrations are pending: ${pending.join(', ')}`, 'nemo-mqtt migrate')
      if (newer.length === 0) return ok(`all ${applied.length} migrations are applied`)
      const found = `a newer release has applied ${newer.join(', ')}`
      return warning(found, 'install that release of nemo-mqtt, or a newer one')
    },
  },
  {
    code: 'CAPTURE_FUNCTION',
    needs: ['SCHEMA'],
    causes: ['MIGRATIONS'],
    look: async (site) =>
      await differences(site, 'CAPTURE_FUNCTION', 'the trigger function is the one of this release'),
  },
  {
    code: 'TRIGGERS',
    needs: ['SCHEMA'],
    causes: ['MIGRATIONS', 'CAPTURE_FUNCTION'],
    look: async (site) => await differences(site, 'TRIGGERS', 'every watched table has its triggers, enabled'),
  },
  {
    code: 'CAPTURE_ON',
    needs: ['SCHEMA'],
    look: async (site) => await differences(site, 'CAPTURE_ON', 'capture is on'),
  },
  {
    code: 'CUSTOM_EVENTS',
    needs: ['SCHEMA', 'CONFIGURATION'],
    look: async (site) => {
      const { settings } = await site.settings()
      const drift = await ruleDrift((await site.database()).pool, settings.custom_events)
      return drift.length === 0 ? [ok('every rule can hold')] : drift.map(({ found, remedy }) => warning(found, remedy))
    },
  },
  {
    code: 'WATCHED_COLUMNS',
    needs: ['SCHEMA'],
    look: async (site) => await differences(site, 'WATCHED_COLUMNS', 'NEMO has every column that events are made from'),
  },
]

async function differences(site: Site, check: keyof typeof TOLD_BY, good: string): Promise<Finding[]> {
  const told: readonly DriftCode[] = TOLD_BY[check]
  const drift = (await site.drift()).filter(({ code }) => told.includes(code))
  return drift.length === 0 ? [ok(good)] : drift.map(findingOf)
}

function findingOf({ code, found, remedy }: Drift): Finding {
  return code === 'column_missing' ? warning(found, remedy) : critical(found, remedy)
}
