import { PERSONAL } from '../choose/privacy.ts'
import type { Difference } from './match.ts'
import type { ToldMessage } from './told.ts'

/** What was found since the start. */
export interface ShadowCounts {
  /** Both told the same. */
  same: number
  /** We would have told it, the plugin did not. */
  missing: number
  /** The plugin told it, we would not have, and no fault that is listed explains it. */
  excess: number
  /** The same, explained: by fault. */
  readonly faults: Map<string, number>
  /** Both told it, with other values. */
  fields: number
  /** Both told the same values, in another text. */
  texts: number
  badSignatures: number
  /** Left out, because one side was not heard at the time. */
  notCompared: number
  /** Changes that cannot be mapped. */
  unmapped: number
  /** Messages that the settings in force would have made. */
  wouldSend: number
}

/** Nothing found yet. */
export function noCounts(): ShadowCounts {
  return {
    same: 0,
    missing: 0,
    excess: 0,
    faults: new Map(),
    fields: 0,
    texts: 0,
    badSignatures: 0,
    notCompared: 0,
    unmapped: 0,
    wouldSend: 0,
  }
}

/** One line for a difference. Values that name a person are not shown. */
export function lineOf(difference: Difference, deadlineMs: number): string {
  const { kind, message } = difference
  const what = `${message.fields.event} on ${message.topic}${subject(message)}`
  switch (kind) {
    case 'missing':
      return `missing    ${what}: the plugin did not tell it within ${deadlineMs / 1_000} s`
    case 'excess':
      return `too many   ${what}: the plugin told it, and no change of NEMO's tables says so`
    case 'text':
      return `text       ${what}: the same fields in another text`
    case 'field': {
      const { ours, names } = difference
      const values = names.map((name) =>
        PERSONAL.has(name) ? name : `${name} ${shown(message, name)}, with us ${shown(ours, name)}`,
      )
      return `different  ${what}: ${values.join('; ')}`
    }
  }
}

/** The line for what a fault of the plugin explains. */
export function faultLine(message: ToldMessage, fault: string): string {
  return `fault      ${message.fields.event} on ${message.topic}${subject(message)}: ${fault}`
}

/** All counts in one line. */
export function summaryOf(counts: ShadowCounts, waiting: number, dialect: string): string {
  const faults = [...counts.faults].map(([fault, n]) => `${n} ${fault}`).join('; ')
  const explained = [...counts.faults.values()].reduce((sum, n) => sum + n, 0)
  const parts = [
    `${counts.same} the same`,
    `${counts.missing} missing at the plugin`,
    `${counts.excess} too many from the plugin`,
    `${explained} of its faults${faults === '' ? '' : ` (${faults})`}`,
    `${counts.fields} with other fields`,
    `${counts.texts} with another text`,
    `${counts.badSignatures} wrongly signed`,
    `${counts.notCompared} not compared`,
    ...(counts.unmapped === 0 ? [] : [`${counts.unmapped} changes that cannot be mapped`]),
    `${waiting} waiting`,
  ]
  return `summary    ${parts.join(', ')}; ${counts.wouldSend} messages would have been sent in dialect ${dialect}`
}

function subject({ fields }: ToldMessage): string {
  return fields.usage_id === undefined ? '' : ` (usage ${String(fields.usage_id)})`
}

function shown({ fields }: ToldMessage, name: string): string {
  return JSON.stringify(fields[name] === undefined ? null : String(fields[name]))
}
