import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino'
import { codeOf, reasonOf, toError } from './errors.ts'

/** The program's logger: structured lines, no secrets. */
export type Log = Logger

/** What {@link createLog} takes. */
export interface LogOptions {
  /** Least level that is written. */
  readonly level: 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR'
  /** Values that must never appear in a line, in any field: passwords, keys. Asked for each line: they can change. */
  readonly secrets: () => readonly string[]
  /** Where the lines go; standard output by default. */
  readonly destination?: DestinationStream
}

const PINO_LEVEL = { DEBUG: 'debug', INFO: 'info', WARNING: 'warn', ERROR: 'error' } as const
const SYSTEMD_WORD: Readonly<Record<string, string>> = { warn: 'warning', fatal: 'critical' }

/** Replaces user and password of every URL in a text, and each of the secrets, by asterisks. */
export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = text.replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/"']*@/gi, '$1***@')
  // The longest first: one may be part of another, whose rest would stay.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) {
    // A log line is JSON, so a secret with quotes or control characters appears in its escaped form.
    for (const form of new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])) {
      // A shorter one would hide half of every line and say nothing about the secret.
      if (form.length >= 4) clean = clean.replaceAll(form, '***')
    }
  }
  return clean
}

/** One JSON line an event: `level`, `time` (RFC 3339), `msg` and fields; an error goes under `err`. */
export function createLog(options: LogOptions): Log {
  return pino(
    {
      level: PINO_LEVEL[options.level],
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: SYSTEMD_WORD[label] ?? label }) },
      serializers: { ...stdSerializers, err: describeError },
      hooks: { streamWrite: (line) => redact(line, options.secrets()) },
    },
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  )
}

/** Changes the least level that is written. */
export function setLevel(log: Log, level: LogOptions['level']): void {
  log.level = PINO_LEVEL[level]
}

// Not pino's own serializer: it copies every property, and a library's error can carry what must not be seen
// (ioredis puts the arguments of a refused AUTH on the error).
function describeError(thrown: unknown): object {
  const error = toError(thrown)
  const hint = (error as { hint?: unknown }).hint
  return {
    message: reasonOf(error),
    code: codeOf(error),
    hint: typeof hint === 'string' ? hint : undefined,
    cause: error.cause === undefined ? undefined : reasonOf(error.cause),
  }
}
