import pg from 'pg'
import { whyUnusable } from '../../config/in-force.ts'
import { seal } from '../../config/seal.ts'
import { isName } from '../../config/store.ts'
import { placeOf, type StoredValues } from '../../config/stored.ts'
import { connect, databaseError } from '../../db/database.ts'
import { findNemoSchema } from '../../db/nemo.ts'
import { AppError, codeOf } from '../../errors.ts'
import { type ConfigSession, type Output, quoted, shown, withStore } from './session.ts'

/** The table of the Python plugin, made by its Django migrations in NEMO's schema. */
const TABLE = 'nemo_mqtt_mqttconfiguration'

/** Its event filters, which it stores and never uses. */
const FILTERS = 'nemo_mqtt_mqtteventfilter'

/** A row of it. Which columns there are depends on the plugin's release. */
type PluginRow = Readonly<Record<string, unknown>>

/** Columns that mean the same with us, under the same name. */
const TAKEN_OVER = [
  'broker_host',
  'broker_port',
  'keepalive',
  'username',
  'retain_messages',
  'clean_session',
  'auto_reconnect',
  'reconnect_delay',
  'max_reconnect_attempts',
  'log_messages',
  'log_level',
  'use_hmac',
] as const
const SECRETS = ['password', 'hmac_secret_key'] as const

/** What cannot be taken over, or means something else with us: what people are told, or undefined when all is well. */
const REMARKS: ReadonlyArray<(row: PluginRow) => string | undefined> = [
  ({ topic_prefix }) =>
    isEmpty(topic_prefix) || topic_prefix === 'nemo'
      ? undefined
      : `topic_prefix ${shown(topic_prefix)} is not imported: the plugin ignored it, and its topics began with nemo/`,
  ({ client_id }) =>
    isEmpty(client_id)
      ? undefined
      : `client_id ${shown(client_id)} is not imported: the plugin ignored it and made one up, as we do`,
  ({ qos_level }) =>
    isEmpty(qos_level) || qos_level === 1 ? undefined : `qos_level ${shown(qos_level)} is not imported: it is always 1`,
  ({ hmac_algorithm }) =>
    isEmpty(hmac_algorithm) || hmac_algorithm === 'sha256'
      ? undefined
      : `hmac_algorithm ${shown(hmac_algorithm)} is not imported: it is always sha256`,
  ({ keepalive }) =>
    Number(keepalive) > 10
      ? `keepalive ${shown(keepalive)}: a dead link is noticed after ${Number(keepalive) * 1.5} s; our default is 8`
      : undefined,
  ({ max_reconnect_attempts }) =>
    Number(max_reconnect_attempts) > 0
      ? `max_reconnect_attempts ${shown(max_reconnect_attempts)}: the service ends after so many; our default 0 never gives up`
      : undefined,
]

/**
 * Stores every configuration of the Python plugin under its name, not enabled, its secrets encrypted. Of the plugin's
 * nothing is changed. One whose name is there already is left out, so that it can be repeated.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG when there is no such table, or no key for the secrets; NEMO_MQTT_ERR_RIGHTS
 */
export async function importFromPlugin(variables: NodeJS.ProcessEnv, output: Output): Promise<number> {
  return await withStore(variables, async (session) => {
    const rows = await readRows(session.databaseUrl)
    const existing = new Set((await session.store.list()).map(({ name }) => name))
    const names = namesFor(rows)
    const found = rows.map((row, n) => ({ row, name: names[n] ?? '' })).filter(({ name }) => !existing.has(name))
    const added = found.map(({ row, name }) => ({ name, row, settings: settingsFrom(row, session.configKey) }))
    await session.store.create(added)
    for (const name of names) if (existing.has(name)) output.note(`"${name}": is stored already, and was left as it is`)
    for (const one of added) tell(one, session, output)
    const inForce = rows.findIndex(({ enabled }) => enabled === true)
    const next = names[Math.max(0, inForce)] ?? 'NAME'
    if (rows.length > 0) {
      output.note('each tells its events in dialect plugin, on the topics and with the fields that the displays know')
      await tellFilters(session.databaseUrl, output)
      if (inForce >= 0) output.note(`the plugin used ${shown(rows[inForce]?.name)}`)
      output.note(
        `none was enabled: nemo-mqtt config enable ${quoted(next)}, and stop the plugin before the service runs`,
      )
    } else output.note('the plugin has no configuration')
    return 0
  })
}

function tell(
  { name, row, settings }: { name: string; row: PluginRow; settings: StoredValues },
  { environment }: ConfigSession,
  { print, note }: Output,
): void {
  print(`configuration "${name}": created${name === row.name ? '' : `, from ${shown(row.name)}`}`)
  for (const remark of REMARKS) {
    const told = remark(row)
    if (told !== undefined) note(`  ${told}`)
  }
  const why = whyUnusable(environment, { name, enabled: false, settings })
  if (why !== undefined) note(`  it cannot be enabled yet: ${why.message}`)
}

// The plugin stores them and never looks at them: what they leave out, its displays have always had.
async function tellFilters(databaseUrl: string, { note }: Output): Promise<void> {
  const filters = await readTable(databaseUrl, FILTERS).catch((error: unknown) => {
    if (codeOf(error) === '42P01') return [] // its successor has none
    if (codeOf(error) !== '42501') throw databaseError(error)
    note(`this role may not read ${FILTERS}, the event filters of the plugin; the plugin ignored them`)
    return []
  })
  for (const { event_type, enabled, topic_override: topic } of filters) {
    const said = [enabled === false ? 'not to be sent' : '', isEmpty(topic) ? '' : `topic ${shown(topic)}`]
    const wish = said.filter((part) => part !== '').join(', ')
    if (wish !== '')
      note(
        `the filter of ${shown(event_type)} (${wish}) is not applied: the plugin ignored it; event_filter leaves events out`,
      )
  }
}

async function readTable(databaseUrl: string, name: string): Promise<PluginRow[]> {
  const { pool, close } = await connect(databaseUrl)
  try {
    const table = `${pg.escapeIdentifier(await findNemoSchema(pool))}.${name}`
    return (await pool.query<Record<string, unknown>>(`select * from ${table} order by id`)).rows
  } finally {
    await close()
  }
}

async function readRows(databaseUrl: string): Promise<PluginRow[]> {
  try {
    return await readTable(databaseUrl, TABLE)
  } catch (error) {
    if (codeOf(error) === '42P01') {
      throw new AppError('NEMO_MQTT_ERR_CONFIG', `there is no table ${TABLE} beside NEMO’s tables`, {
        hint: 'the Python plugin is not installed in this NEMO; nemo-mqtt config create makes a configuration',
      })
    }
    if (codeOf(error) === '42501') {
      throw new AppError('NEMO_MQTT_ERR_RIGHTS', `this role may not read ${TABLE}`, {
        cause: error,
        hint: 'run it with the NEMO_MQTT_DATABASE_URL with which you ran nemo-mqtt migrate',
      })
    }
    throw databaseError(error)
  }
}

/** A name that we accept for each row, each once. */
function namesFor(rows: readonly PluginRow[]): string[] {
  const names: string[] = []
  for (const row of rows) {
    const name = acceptable(String(row.name ?? ''), `plugin ${String(row.id)}`)
    const others = [name, ...rows.map((_, n) => `${name.slice(0, 90)}-${n + 2}`)]
    names.push(others.find((other) => !names.includes(other)) ?? name)
  }
  return names
}

function acceptable(name: string, otherwise: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9 ._-]+/g, '-')
  const trimmed = plain
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 100)
    .replace(/[ -]+$/, '')
  return isName(trimmed) ? trimmed : otherwise
}

function settingsFrom(row: PluginRow, configKey: string): StoredValues {
  const plain = TAKEN_OVER.filter((key) => !isEmpty(row[key])).map((key) => [key, row[key]] as const)
  const sealed = SECRETS.filter((key) => !isEmpty(row[key])).map(
    (key) => [key, seal(String(row[key]), configKey, placeOf(key))] as const,
  )
  return Object.fromEntries([...plain, ...sealed, ['dialect', 'plugin']])
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}
