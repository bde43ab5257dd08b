/** Who ended a link: the broker, or the network for it; nobody, when it fell silent; or we, on purpose. */
export type EndedBy = 'broker' | 'silence' | 'us'

/** What became of one attempt to publish. */
export type Outcome =
  /** The broker has it. `hasSubscribers` is false when the broker says that nobody listens (reason 0x10, MQTT 5). */
  | { readonly kind: 'delivered'; readonly hasSubscribers: boolean }
  /** The broker answered with a reason code of 0x80 or above (MQTT 5, section 3.4.2.1). */
  | { readonly kind: 'refused'; readonly reasonCode: number; readonly why: string }
  /** The link ended before the broker answered: nobody knows whether it has the message. */
  | { readonly kind: 'unanswered'; readonly by: EndedBy }

const NAMES: Readonly<Record<number, string>> = {
  128: 'unspecified error',
  129: 'malformed packet',
  130: 'protocol error',
  131: 'implementation specific error',
  135: 'not authorized',
  137: 'server busy',
  139: 'server shutting down',
  141: 'keep alive timeout',
  142: 'session taken over',
  144: 'topic name invalid',
  145: 'packet identifier in use',
  147: 'receive maximum exceeded',
  149: 'packet too large',
  150: 'message rate too high',
  151: 'quota exceeded',
  152: 'administrative action',
  153: 'payload format invalid',
  154: 'retain not supported',
  155: 'QoS not supported',
  156: 'use another server',
  157: 'server moved',
  159: 'connection rate exceeded',
  160: 'maximum connect time',
}

/** Reason codes that no repetition can change, so a few tries are enough. */
const PERMANENT: ReadonlySet<number> = new Set([0x87, 0x90, 0x95, 0x99, 0x9a])

/** How often a message is sent before it is parked. */
export const TRIES = { permanent: 3, transient: 30, closesLink: 3 } as const

/** The name of a reason code of PUBACK or DISCONNECT, with its number. */
export function reasonName(reasonCode: number): string {
  return `${NAMES[reasonCode] ?? 'refused'} (0x${reasonCode.toString(16).padStart(2, '0')})`
}

/** How often a message with this reason code is tried. */
export function triesFor(reasonCode: number): number {
  return PERMANENT.has(reasonCode) ? TRIES.permanent : TRIES.transient
}

/** Pause before the next try of a refused message: 250, 500, 1,000 ... 30,000 ms. */
export function retryDelayMs(tries: number): number {
  return Math.min(30_000, 250 * 2 ** (tries - 1))
}
