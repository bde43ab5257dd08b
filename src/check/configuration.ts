import { describe } from '../config/watch.ts'
import { AppError, codeOf } from '../errors.ts'
import { checkSecretFiles } from './files.ts'
import { type Check, critical, ok, unknown } from './finding.ts'

/** The settings, and the files that they name. */
export const CONFIGURATION_CHECKS: readonly Check[] = [
  {
    code: 'CONFIGURATION',
    look: async (site) => {
      try {
        const { settings, from, isCertain } = await site.settings()
        const found = `in force is ${from}: ${describe(settings)}`
        if (isCertain) return ok(found)
        return unknown(`${found}; whether another one is stored cannot be seen, because DB_REACHABLE failed`)
      } catch (error) {
        if (error instanceof AppError) return critical(error.message, error.hint ?? 'correct the settings')
        if (codeOf(error) !== '42501') throw error
        return unknown('the stored configurations may not be read', 'nemo-mqtt migrate --service-role NAME')
      }
    },
  },
  { code: 'SECRET_FILES', after: ['CONFIGURATION'], look: checkSecretFiles },
]
