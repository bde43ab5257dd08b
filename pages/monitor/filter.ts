import { computed, signal } from '@preact/signals'
import type { Kind, ShownMessage } from '../../src/http/wire/monitor.ts'
import { filterPattern } from '../../src/receive/topic-filter.ts'

/** Which kinds are shown: at first those that tell of messages. */
export const kinds = signal<Readonly<Record<Kind, boolean>>>({
  redis: true,
  mqtt: true,
  parked: false,
  silent: false,
  pulse: false,
})

/** A topic filter with the wildcards of MQTT, as it was typed; empty shows every topic. */
export const topic = signal('')

/** A text to look for in topic and payload, as it was typed. */
export const text = signal('')

const pattern = computed(() => {
  if (topic.value.trim() === '') return { regexp: undefined, problem: '' }
  try {
    return { regexp: new RegExp(filterPattern(topic.value.trim())), problem: '' }
  } catch (error) {
    const { message, hint } = error as Error & { hint?: string }
    return { regexp: undefined, problem: [message, hint].filter(Boolean).join(': ') }
  }
})

/** What is wrong with the topic filter; empty when nothing is. */
export const topicProblem = computed(() => pattern.value.problem)

/** Whether a row is to be shown. */
export const matches = computed((): ((message: ShownMessage) => boolean) => {
  const { regexp } = pattern.value
  const shown = kinds.value
  const needle = text.value.trim().toLowerCase()
  return (message) => {
    if (!shown[message.kind]) return false
    // What has no topic belongs to none.
    if (regexp !== undefined && (message.topic === null || !regexp.test(message.topic))) return false
    if (needle === '') return true
    return [message.topic, message.payload, message.why, message.row].some((part) =>
      part?.toLowerCase().includes(needle),
    )
  }
})

/** Whether anything is filtered away. */
export const isFiltered = computed(() => topic.value.trim() !== '' || text.value.trim() !== '')
