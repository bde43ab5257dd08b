import { layerOf } from './broker.ts'
import { measure } from './change-log.ts'
import { type Check, NotTried } from './finding.ts'

/** A real message, there and back. */
export const ROUND_TRIP_CHECKS: readonly Check[] = [
  {
    code: 'ROUND_TRIP',
    needs: ['BROKER_PUBLISH'],
    look: async (site) => {
      const { roundTripMs } = await site.broker()
      if (roundTripMs !== undefined) measure(site, 'round_trip_ms', roundTripMs)
      return await layerOf(site, 'readBack')
    },
  },
  {
    code: 'SIGNATURE',
    needs: ['ROUND_TRIP'],
    look: async (site) => {
      if ((await site.broker()).roundTripMs === undefined) throw new NotTried('ROUND_TRIP')
      return await layerOf(site, 'signature')
    },
  },
]
