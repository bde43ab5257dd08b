import { connect, databaseError } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { databaseUrl, fromEnvironment } from './environment.ts'
import { resolveSettings } from './resolve.ts'
import type { Settings } from './settings.ts'
import { fromStored } from './stored.ts'
import { readEnabled } from './watch.ts'

/**
 * The settings in force, by the rules of the service: the environment wins, then the enabled configuration.
 *
 * @throws AppError NEMO_MQTT_ERR_DATABASE, and NEMO_MQTT_ERR_CONFIG when they cannot be used or none is enabled
 */
export async function settingsInForce(environment: NodeJS.ProcessEnv): Promise<Settings> {
  const given = fromEnvironment(environment)
  const database = await connect(databaseUrl(environment))
  try {
    const { configuration, isInUse } = await readEnabled(database.pool).catch((error: unknown) => {
      throw databaseError(error)
    })
    if (configuration !== undefined) {
      return resolveSettings(given, fromStored(configuration, String(given.values.config_key ?? '')))
    }
    if (!isInUse) return resolveSettings(given)
    throw new AppError('NEMO_MQTT_ERR_CONFIG', 'no configuration is enabled, so nothing is sent', {
      hint: 'nemo-mqtt config enable NAME',
    })
  } finally {
    await database.close()
  }
}
