import type { CheckCode } from './catalogue.ts'
import { measure } from './change-log.ts'
import { type Check, type Finding, NotTried, unknown } from './finding.ts'
import type { BrokerLayer } from './probe.ts'
import type { Site } from './site.ts'

/** Which check tells of a layer, and what must have succeeded before. */
const LAYERS: ReadonlyArray<readonly [CheckCode, BrokerLayer, CheckCode?]> = [
  ['BROKER_DNS', 'dns'],
  ['BROKER_TCP', 'tcp', 'BROKER_DNS'],
  ['BROKER_TLS', 'tls', 'BROKER_TCP'],
  ['BROKER_CERTIFICATE', 'certificate', 'BROKER_TLS'],
  ['BROKER_LOGIN', 'login', 'BROKER_TLS'],
  ['BROKER_LIMITS', 'limits', 'BROKER_LOGIN'],
  ['BROKER_PUBLISH', 'publish', 'BROKER_LOGIN'],
]

/** The broker, layer by layer, up to what it allows. */
export const BROKER_CHECKS: readonly Check[] = LAYERS.map(([code, layer, need]) => ({
  code,
  after: ['CONFIGURATION'],
  ...(need === undefined ? {} : { needs: [need] }),
  ...(code === 'BROKER_PUBLISH' ? { causes: ['BROKER_LIMITS'] as const } : {}),
  look: async (site) => await layerOf(site, layer),
}))

/** What the probe found in a layer. */
export async function layerOf(site: Site, layer: BrokerLayer): Promise<readonly Finding[]> {
  const { layers, certificateDays } = await site.broker()
  const findings = layers[layer]
  if (findings === undefined) return [unknown('not reached in time')]
  if (layer === 'certificate' && Number.isFinite(certificateDays))
    measure(site, 'certificate_days', certificateDays ?? 0)
  // With settings that may not be those of the service, a refusal is not the broker's fault.
  const { isCertain } = await site.settings()
  const mayBeWrong = !isCertain && (layer === 'login' || layer === 'publish' || layer === 'readBack')
  if (!mayBeWrong || findings.every(({ level }) => level !== 'critical') || isSilence(findings)) return findings
  throw new NotTried('DB_REACHABLE')
}

function isSilence(findings: readonly Finding[]): boolean {
  return findings.some(({ found }) => found.includes('in time'))
}
