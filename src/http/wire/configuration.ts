/** A value of a setting that may be shown. */
export type Value = string | number | boolean

/** One setting as the form shows it. */
export interface Field {
  readonly name: string
  readonly label: string
  /** What it is for; backticks around code. */
  readonly help: string
  readonly kind: 'text' | 'lines' | 'integer' | 'boolean' | 'choice' | 'secret'
  /** Null for a secret. */
  readonly fallback: Value | null
  readonly minimum?: number
  readonly maximum?: number
  /** The words of a choice. */
  readonly words?: readonly string[]
  /** There when the environment says what it is, whatever is stored; a secret without its value. */
  readonly fixed?: { readonly variable: string; readonly value?: string }
}

/** Fields that belong together. */
export interface FieldGroup {
  readonly title: string
  readonly fields: readonly Field[]
}

/** A setting that comes from the environment only; a secret has no value. */
export interface MachineSetting {
  readonly variable: string
  readonly help: string
  readonly value?: string
  readonly isSet: boolean
  readonly from: 'environment' | 'default'
}

/** Something wrong with a setting. */
export interface FieldProblem {
  readonly name: string
  readonly called: string
  readonly problem: string
}

/** A configuration in the list. */
export interface ConfigurationSummary {
  readonly name: string
  readonly enabled: boolean
  /** How many problems keep it from being used. */
  readonly problems: number
}

/** Everything but what is in a configuration. */
export interface Overview {
  readonly groups: readonly FieldGroup[]
  readonly machine: readonly MachineSetting[]
  readonly configurations: readonly ConfigurationSummary[]
  /** Whether one must be enabled; before the first one was, the environment alone counts. */
  readonly isInUse: boolean
  /** Whether there is a key that secrets can be stored with. */
  readonly hasKey: boolean
  /** What this service says of its configuration. */
  readonly service: {
    readonly role: 'active' | 'standby' | 'starting'
    readonly state: 'starting' | 'ok' | 'waiting' | 'failing'
    readonly why: string
    readonly todo: string
  }
}

/** One configuration, opened. */
export interface Opened {
  readonly name: string
  readonly enabled: boolean
  /** What was seen, to be sent along when it is saved. */
  readonly revision: string
  /** What is stored and may be shown. */
  readonly values: Readonly<Record<string, Value>>
  /** Names of the secrets that are stored. */
  readonly secrets: readonly string[]
  /** Names that are stored and are no settings, or not of a configuration. */
  readonly strays: readonly string[]
  readonly problems: readonly FieldProblem[]
}

/** What the form changes; what it does not name stays as it is stored. */
export interface EditRequest {
  readonly set: Readonly<Record<string, Value>>
  readonly unset: readonly string[]
}

/** An edit of a configuration as it was seen. */
export interface SaveRequest extends EditRequest {
  readonly revision: string
}

/** An edit of a configuration, or of nothing when the environment alone is meant. */
export interface DraftRequest extends EditRequest {
  readonly name?: string
}

/** After a change: what it means, in a sentence each. */
export interface Told {
  readonly told: readonly string[]
}

/** What is wrong with a draft; with something that was saved, what keeps it from being enabled. */
export interface Problems {
  readonly problems: readonly FieldProblem[]
}

/** What happened to one setting; values as people read them, none for secrets. */
export interface ChangeLine {
  readonly setting: string
  readonly what: 'set' | 'changed' | 'unset'
  readonly before?: string
  readonly after?: string
}

/** Why a save was refused: somebody else was faster. */
export interface Conflict {
  readonly error: string
  readonly differs: readonly ChangeLine[]
  readonly by: ReadonlyArray<{ readonly who: string; readonly at: string }>
}

/** One change in the history. */
export interface HistoryLine {
  readonly id: string
  /** RFC 3339. */
  readonly at: string
  readonly who: string
  readonly name: string
  /** What happened to the configuration as a whole: created, enabled, ... */
  readonly deeds: readonly string[]
  readonly changes: readonly ChangeLine[]
}

/** The newest changes, newest first. */
export interface History {
  readonly lines: readonly HistoryLine[]
  /** Whether there are older ones. */
  readonly hasMore: boolean
}

/** One layer of a connection test. */
export interface TestLine {
  readonly layer: string
  readonly level: 'ok' | 'warning' | 'critical' | 'unknown'
  readonly found: string
  readonly todo?: string
}

/** How a connection test ended. */
export interface TestResult {
  readonly lines: readonly TestLine[]
  /** How long it took. */
  readonly ms: number
}

/** What one message would be. */
export interface PreviewLine {
  /** Its topic as it was delivered. */
  readonly was: string
  readonly isSent: boolean
  /** Why it is left out. */
  readonly why: string | null
  readonly topic: string | null
  readonly payload: string | null
  /** What is not known and could change the answer. */
  readonly doubt: string | null
}

/** What the form would make of the last messages. */
export interface PreviewResult {
  readonly lines: readonly PreviewLine[]
  /** What stands in for what could not be had. */
  readonly notes: readonly string[]
}

/** A message that was set aside, without its payload. */
export interface ParkedLine {
  readonly number: string
  /** Null when it cannot be read, so that no attempt would help. */
  readonly topic: string | null
  readonly reason: string
  readonly attempts: number
  readonly time: string
}

/** Parked messages, oldest first. */
export interface ParkedList {
  /** How many there are in all. */
  readonly total: number
  /** How many the filter leaves. */
  readonly matching: number
  /** The first of these. */
  readonly lines: readonly ParkedLine[]
  /** Number of the newest one that the filter leaves: "all" means up to this one. */
  readonly upTo: string | null
}

/** One of them with what it says. */
export interface ParkedDetail extends ParkedLine {
  readonly retain: boolean
  /** The payload, or the whole entry when that cannot be read. */
  readonly text: string
  /** Characters that were left out at its end. */
  readonly cut: number
}

/** Which parked messages are meant: one, or all that the filter left when they were looked at. */
export type ParkedChoice = { readonly number: string } | { readonly upTo: string; readonly reason?: string }
