import { Backoff, pause } from '../backoff.ts'
import type { Settings } from '../config/settings.ts'
import { readInstallation } from '../db/installation.ts'
import { Lease } from '../db/lease.ts'
import { createPool } from '../db/pool.ts'
import { reasonOf } from '../errors.ts'
import { Health } from '../health.ts'
import type { Log } from '../log.ts'
import { Receiver } from '../receive/receiver.ts'
import { Shadow } from './shadow.ts'
import { PLUGIN_PREFIX } from './told.ts'

const SUMMARY_MS = 60_000

/** What {@link runShadow} is given. */
export interface ShadowOptions {
  readonly settings: Settings
  readonly deadlineMs: number
  /** After this time it ends by itself; undefined when it goes on until somebody ends it. */
  readonly forMs: number | undefined
  readonly log: Log
  readonly secrets: () => readonly string[]
  readonly print: (line: string) => void
  readonly note: (line: string) => void
}

/**
 * Runs beside the plugin: holds the lease as the service does, reads the change log, listens to what the plugin
 * publishes, and says what differs. Publishes nothing, and does not touch Redis.
 *
 * @returns the exit code: 1 when the plugin told something that we would not have told and no fault explains it,
 *   or when nothing was compared
 */
export async function runShadow(options: ShadowOptions, stop: AbortSignal): Promise<number> {
  const { settings, deadlineMs, forMs, log, secrets, print, note } = options
  const over = new AbortController()
  const timer = forMs === undefined ? undefined : setTimeout(() => over.abort(), forMs)
  const until = AbortSignal.any([stop, over.signal])
  const health = new Health(log, secrets)
  const pool = createPool(settings.database_url, () => undefined) // the next query says it
  try {
    const lease = await Lease.acquire(settings.database_url, health, until)
    if (lease === undefined) return nothingCompared(note)
    const failed = new AbortController()
    const signal = AbortSignal.any([until, lease.lost, failed.signal])
    const watching = lease.watch(signal)
    watching.catch(() => failed.abort())
    try {
      const installation = await readInstallation(pool, health, signal)
      if (installation === undefined) return nothingCompared(note)
      const { nemoSchema } = installation
      const shadow = new Shadow({ pool, nemoSchema, settings, deadlineMs, print, note })
      const summaries = setInterval(() => print(stamped(shadow.summary())), SUMMARY_MS)
      try {
        await Promise.all([listen(shadow, options, signal), shadow.run(signal)])
      } finally {
        clearInterval(summaries)
      }
      if (lease.lost.aborted) note('another instance has become the active one: it takes what is in the change log')
      print(stamped(shadow.summary()))
      return shadow.counts.excess === 0 ? 0 : 1
    } finally {
      failed.abort()
      await watching
      lease.release()
    }
  } finally {
    clearTimeout(timer)
    await pool.end()
  }
}

async function listen(shadow: Shadow, { settings, note }: ShadowOptions, signal: AbortSignal): Promise<void> {
  const backoff = new Backoff({ capMs: 5_000 })
  let receiver: Receiver | undefined
  while (receiver === undefined && !signal.aborted) {
    try {
      receiver = await Receiver.open(settings, `${PLUGIN_PREFIX}/#`, {
        // What the broker kept is old news, whoever told it.
        onMessage: ({ topic, text, retain }) => retain || shadow.arrived(topic, text),
        onNote: note,
        onLink: (isUp) => shadow.heard(isUp),
      })
    } catch (error) {
      note(`${reasonOf(error)}; trying again`)
      await pause(backoff.next(), signal)
    }
  }
  if (receiver === undefined) return
  shadow.heard(true)
  note(`listening to ${PLUGIN_PREFIX}/#; nothing is published, and Redis is not touched`)
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  receiver.close()
}

function nothingCompared(note: (line: string) => void): number {
  note('nothing was compared: PostgreSQL could not be used, or another instance is active on this database')
  return 1
}

function stamped(line: string): string {
  return `${new Date().toISOString()} ${line}`
}
