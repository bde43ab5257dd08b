import { choiceOf } from './choose/choice.ts'
import type { RecentMessage } from './choose/preview.ts'
import { sampleMessages } from './choose/samples.ts'
import { publishedEvent } from './choose/standard-event.ts'
import type { Settings } from './config/settings.ts'
import { toolCategories } from './db/categories.ts'
import { AppError } from './errors.ts'
import { readMonitor } from './queue/monitored.ts'
import { visitRedis } from './queue/visit.ts'

/** What a preview is made from. */
export interface PreviewInput {
  readonly recent: readonly RecentMessage[]
  readonly categories: ReadonlyMap<string, string | null>
  /** What could not be had, and what stands in for it. */
  readonly notes: readonly string[]
}

/**
 * The messages that were delivered last, one sample of each kind when there are none, and the categories of tools where
 * the settings need them. Never throws because a server is away.
 *
 * @param limit the newest so many
 */
export async function previewInput(settings: Settings, limit: number): Promise<PreviewInput> {
  const notes: string[] = []
  const recent = await lastMessages(settings, limit, notes)
  return { recent, categories: await categoriesFor(settings, notes), notes }
}

async function lastMessages(settings: Settings, limit: number, notes: string[]): Promise<RecentMessage[]> {
  try {
    const delivered = await visitRedis(settings, readMonitor)
    // What was told in the plugin's words has lost what other words would need.
    const messages = delivered.filter(({ origin, payload }) => origin === null || publishedEvent(payload) !== undefined)
    const lost = delivered.length - messages.length
    if (lost > 0) notes.push(`${lost} messages were sent in the plugin’s dialect, of which no other can be made`)
    if (messages.length > 0) return messages.slice(-limit)
    notes.push('nothing was delivered lately; these are samples')
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    notes.push(`${error.message}; these are samples`)
  }
  return sampleMessages()
}

async function categoriesFor(settings: Settings, notes: string[]): Promise<ReadonlyMap<string, string | null>> {
  if (!choiceOf(settings).needsCategories) return new Map()
  try {
    return await toolCategories(settings.database_url)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    notes.push(`the categories of tools cannot be read: ${error.message}`)
    return new Map()
  }
}
