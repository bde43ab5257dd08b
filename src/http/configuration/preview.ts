import { type PreviewedMessage, previewOf, type RecentMessage } from '../../choose/preview.ts'
import type { Settings } from '../../config/settings.ts'
import { previewInput } from '../../preview-input.ts'
import type { PreviewLine, PreviewResult } from '../wire/configuration.ts'

/** Messages in one answer, the newest; characters of one payload and of everything else. */
const MOST_LINES = 20
const LONGEST_PAYLOAD = 5_000
const LONGEST = 1_000

/** What some settings would make of the last messages, within bounds. */
export async function shownPreview(settings: Settings): Promise<PreviewResult> {
  const { recent, categories, notes } = await previewInput(settings, MOST_LINES)
  const { messages } = previewOf(settings, recent, categories)
  return { notes, lines: messages.slice(0, MOST_LINES).map((message, index) => lineOf(message, recent[index])) }
}

function lineOf({ isSent, why, topic, payload, doubt }: PreviewedMessage, was: RecentMessage | undefined): PreviewLine {
  return {
    was: shortened(was?.topic ?? '', LONGEST),
    isSent,
    why: why === null ? null : shortened(why, LONGEST),
    topic: topic === null ? null : shortened(topic, LONGEST),
    payload: payload === null ? null : shortened(payload, LONGEST_PAYLOAD),
    doubt,
  }
}

function shortened(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
