import { AppError } from '../errors.ts'
import { resolveSettings, type Source } from './resolve.ts'
import { type Configuration, fromStored } from './stored.ts'

/** Why a stored configuration cannot be used with this environment, every problem at once; undefined when it can. */
export function whyUnusable(environment: Source, configuration: Configuration): AppError | undefined {
  try {
    resolveSettings(environment, fromStored(configuration, String(environment.values.config_key ?? '')))
    return undefined
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
}
