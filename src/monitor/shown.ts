/** What the monitor tells to those who look; read by the pages too, so nothing here may need Node. */

/**
 * Where a row of the monitor comes from: `redis`, an entry was queued; `mqtt`, the broker has acknowledged a message;
 * `parked`, a message cannot be published; `silent`, a change became no message; `pulse`, our own sign of life arrived.
 */
export const KINDS = ['redis', 'mqtt', 'parked', 'silent', 'pulse'] as const

/** One of {@link KINDS}. */
export type Kind = (typeof KINDS)[number]

/** One row of the monitor. */
export interface ShownMessage {
  /** Unique while the service runs; later rows have higher ones. */
  readonly id: number
  readonly kind: Kind
  /** Milliseconds since 1970; null when nobody knows. */
  readonly at: number | null
  /** Null for a silent change, and for an entry that cannot be read. */
  readonly topic: string | null
  /** What is inside the envelope, its beginning only when it is long; null when there is none. */
  readonly payload: string | null
  /** Characters of the whole payload. */
  readonly characters: number
  /** Bytes of the message on the wire, or of the payload where nothing was sent. */
  readonly bytes: number
  readonly retain: boolean
  readonly event: string | null
  readonly eventId: string | null
  /** Digits of the change that it comes from. */
  readonly change: string | null
  /** Of messages on the wire: `good` fits the key in force when it was acknowledged, `none` is not signed. */
  readonly signature: 'good' | 'bad' | 'none' | null
  /** The signature itself, 64 hexadecimal digits. */
  readonly hmac: string | null
  /** How often it was sent. */
  readonly attempts: number | null
  /** Reason code of the PUBACK; null under MQTT 3.1.1, which has none. */
  readonly reasonCode: number | null
  /** Why it was parked, or is silent. */
  readonly why: string | null
  /** Who queued it: this service, another program, or this service before its last start. */
  readonly from: 'service' | 'program' | 'before' | null
  /** The row of NEMO's that a silent change is about, such as `UPDATE NEMO_tool 5`. */
  readonly row: string | null
}

/** How many rows there were of each kind since the start of the service. */
export type Totals = Readonly<Record<Kind, number>>

/** What a new reader gets first. */
export interface ShownHistory {
  /** Another word after each start of the service: ids begin anew then. */
  readonly run: string
  /** Oldest first; the newest of each kind. */
  readonly messages: readonly ShownMessage[]
  readonly totals: Totals
}

/** What passed since the last one. */
export interface ShownBatch {
  readonly messages: readonly ShownMessage[]
  readonly totals: Totals
  /** How many passed that are not among them, because more came than are kept. */
  readonly skipped: number
}

/** The whole of one message, as far as it was kept. */
export interface WholeMessage {
  readonly payload: string | null
  /** The text on the wire; null where nothing was sent. */
  readonly wire: string | null
  /** Whether even what is kept is cut. */
  readonly isCut: boolean
}

/** The five boxes of the pipeline. */
export const BOXES = ['postgres', 'listener', 'redis', 'bridge', 'broker'] as const

/** One of {@link BOXES}. */
export type BoxName = (typeof BOXES)[number]

/** What is wrong with a part of the pipeline, in the words of `nemo-mqtt-check`, or of the service itself. */
export interface Trouble {
  /** Code of the check; null while only the service itself has said something. */
  readonly code: string | null
  readonly level: 'critical' | 'warning' | 'unknown'
  readonly found: string
  /** Why it matters; empty when the service itself says it. */
  readonly why: string
  readonly todo: string
}

/** One box of the pipeline. */
export interface Box {
  readonly name: BoxName
  readonly state: 'ok' | 'waiting' | 'failing'
  /** How much waits there; null when that is not known. */
  readonly depth: number | null
  /** Age of the oldest of it, in seconds. */
  readonly oldestSeconds: number | null
  /** How many passed in the last second. */
  readonly rate: number
  /** The worst first. */
  readonly troubles: readonly Trouble[]
}

/** One second: when it ended (seconds since 1970), messages acknowledged, latencies from change to PUBACK in ms. */
export type Sample = readonly [at: number, perSecond: number, p50: number | null, p95: number | null]

/** What one check says. */
export interface ShownFinding extends Trouble {
  readonly code: string
  readonly box: BoxName
  /** The check whose failure is the reason; null when it stands for itself. */
  readonly because: string | null
}

/** What all checks say. */
export interface ShownCheck {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly level: 'ok' | 'warning' | 'critical' | 'unknown'
  readonly durationMs: number
  readonly findings: ReadonlyArray<Omit<ShownFinding, 'level'> & { readonly level: ShownCheck['level'] }>
}

/** How the pipeline is. */
export interface ShownPipeline {
  readonly at: number
  readonly isReady: boolean
  readonly role: 'active' | 'standby' | 'starting'
  /** Why not ready. */
  readonly why: string
  /** Which configuration is in force, for people. */
  readonly configuration: string
  readonly isSigned: boolean
  readonly broker: string
  readonly prefix: string
  readonly isLogOn: boolean
  readonly boxes: readonly Box[]
  /** The newest few: one that was missed comes again. */
  readonly samples: readonly Sample[]
}

/** One column of a changed row. */
export interface ShownColumn {
  readonly name: string
  /** As JSON, cut when long; null when there was no such row. */
  readonly old: string | null
  readonly new: string | null
  readonly differs: boolean
}

/** The way of one message of a change. Times in milliseconds since 1970, with fractions; null when not (yet) there. */
export interface ShownWay {
  readonly index: number
  readonly event: string | null
  /** What this event means. */
  readonly meaning: string | null
  readonly topic: string | null
  readonly queuedAt: number | null
  readonly takenAt: number | null
  /** The last time, when it was sent more than once. */
  readonly sentAt: number | null
  readonly answeredAt: number | null
  readonly attempts: number
  /** `unheard`: the broker has it, and says that nobody is subscribed. */
  readonly outcome: 'under way' | 'delivered' | 'unheard' | 'parked'
  readonly why: string | null
}

/** What is known of one change. */
export interface ShownTrace {
  readonly change: string
  /** From where this is known. */
  readonly from: 'memory' | 'change log' | 'message log' | 'nowhere'
  readonly table: string | null
  readonly row: string | null
  readonly operation: string | null
  /** RFC 3339, with microseconds: when the statement ran in NEMO's database. */
  readonly at: string | null
  readonly atMs: number | null
  readonly readAt: number | null
  /** Which rule of ours handles the table. */
  readonly rule: string | null
  readonly columns: readonly ShownColumn[]
  readonly messages: readonly ShownWay[]
  /** Why the change became no message; null when it became some. */
  readonly silent: string | null
  /** What is not known any more, and what would keep it. */
  readonly notes: readonly string[]
}
