import type { BoxName, Kind, ShownMessage } from '../../src/http/wire/monitor.ts'

/** What people call each kind of row, and what it means. */
export const KIND_WORDS: Readonly<Record<Kind, { readonly name: string; readonly meaning: string }>> = {
  redis: { name: 'Redis', meaning: 'a message was put into the Redis list, and waits for the broker' },
  mqtt: { name: 'MQTT', meaning: 'the broker has acknowledged the message' },
  parked: { name: 'Parked', meaning: 'the message cannot be published and was set aside' },
  silent: { name: 'Silent', meaning: 'something changed in NEMO that no message tells, and why' },
  pulse: { name: 'Pulse', meaning: 'our own sign of life, every few seconds on bridge/health' },
}

/** What each box of the pipeline is, and what waits in it. */
export const BOX_WORDS: Readonly<
  Record<BoxName, { readonly name: string; readonly does: string; readonly waits: string }>
> = {
  postgres: { name: 'PostgreSQL', does: 'NEMO writes, triggers log it', waits: 'undelivered' },
  listener: { name: 'Listener', does: 'turns changes into events', waits: 'not understood' },
  redis: { name: 'Redis', does: 'keeps messages in order', waits: 'queued' },
  bridge: { name: 'Bridge', does: 'signs and sends', waits: 'in flight' },
  broker: { name: 'Broker', does: 'delivers to subscribers', waits: 'unanswered' },
}

/** What a broker means by its acknowledgement. */
export function pubackWords(reasonCode: number | null): string {
  if (reasonCode === null) return 'acknowledged (MQTT 3.1.1 gives no reason)'
  if (reasonCode === 0x10) return '0x10, no matching subscribers: the broker has it, and nobody is listening'
  return '0x00, success'
}

/** Whether a message is signed, in words. */
export function signatureWords(signature: ShownMessage['signature']): string {
  if (signature === 'good') return 'good: it fits the key in force'
  if (signature === 'bad') return 'does not fit the key that is in force now'
  if (signature === 'none') return 'not signed'
  return 'is added when it is sent'
}

/** Who queued an entry, in words. */
export function fromWords(from: ShownMessage['from']): string {
  if (from === 'program') return 'another program, through the Redis list'
  if (from === 'before') return 'this service, before its last start'
  return 'this service'
}
