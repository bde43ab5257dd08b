import type { Settings } from '../config/settings.ts'
import type { Finding } from './finding.ts'
import { type BrokerLayer, probeBroker } from './probe.ts'

/** What was found at one layer of the way to the broker. */
export interface LayerFinding extends Finding {
  readonly layer: BrokerLayer
}

/**
 * Connects as the service would with these settings and sends itself a message; what was found, layer by layer up to
 * the one that fails. Never throws; ends when the signal aborts.
 */
export async function testBroker(settings: Settings, signal: AbortSignal): Promise<LayerFinding[]> {
  const { layers } = await probeBroker(settings, signal)
  return (Object.entries(layers) as Array<[BrokerLayer, readonly Finding[]]>).flatMap(([layer, all]) =>
    all.map((one) => ({ layer, ...one })),
  )
}
