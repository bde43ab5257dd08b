import { describe } from '../config/in-force.ts'
import { AppError } from '../errors.ts'
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
        const unseen = 'whether a configuration is stored cannot be seen because DB_REACHABLE failed'
        return { ...unknown(`${found}; ${unseen}`), because: 'DB_REACHABLE' }
      } catch (error) {
        if (error instanceof AppError) return critical(error.message, error.hint ?? 'correct the settings')
        throw error
      }
    },
  },
  { code: 'SECRET_FILES', after: ['CONFIGURATION'], look: checkSecretFiles },
]
