import { reasonOf } from '../../errors.ts'
import { customTopicProblem } from '../../map/custom.ts'
import { nearest } from '../../nearest.ts'
import { placeholdersIn, skeletonOf } from './placeholders.ts'
import { MOMENTS, type Rule, type Test } from './rule.ts'

const KEYS = ['table', 'when', 'condition', 'topic', 'payload']
const TESTS = ['equals', 'in', 'changed', 'changed_to']
/** More rules than anybody needs: each is tried for each change of its table. */
const MOST_RULES = 200
/** A topic of placeholders alone stays below the longest topic of MQTT. */
const LONGEST_TOPIC = 500

type Fields = Readonly<Record<string, unknown>>

/** Reads rules, or names every problem with its place, such as `rule 2, topic: is empty`. */
export function readRules(text: string): readonly Rule[] | { readonly problem: string } {
  if (text.trim() === '') return []
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch (error) {
    return { problem: `is not JSON: ${reasonOf(error)}` }
  }
  if (!Array.isArray(found)) return { problem: 'is no list of rules: [{ "table": ..., ... }]' }
  if (found.length > MOST_RULES) return { problem: `has ${found.length} rules; ${MOST_RULES} are the most` }
  const problems = found.flatMap((rule, index) => problemsOf(rule).map((problem) => `rule ${index + 1}${problem}`))
  return problems.length > 0 ? { problem: problems.join('; ') } : found.map(ruleOf)
}

function ruleOf({ table, when, condition = {}, topic, payload }: Fields): Rule {
  const tests = Object.entries(condition as Fields).map(([column, test]) => [column, testOf(test)] as const)
  return { table, when, condition: new Map(tests), topic, payload } as Rule
}

function testOf(test: unknown): Test {
  return isObject(test) ? test : { equals: test }
}

function problemsOf(rule: unknown): string[] {
  if (!isObject(rule)) return [': is no object']
  const { table, when, condition, topic, payload } = rule
  return [
    ...unknownKeys(rule, KEYS).map((problem) => `: ${problem}`),
    ...(typeof table === 'string' && /^\w+$/.test(table) ? [] : [', table: is not the name of a table']),
    ...(isMoment(when) ? [] : [`, when: is none of ${Object.keys(MOMENTS).join(', ')}`]),
    ...(condition === undefined ? [] : conditionProblems(condition, when)),
    ...topicProblems(topic).map((problem) => `, topic: ${problem}`),
    ...(payload === undefined ? [', payload: is missing'] : []),
    ...oldProblems(topic, payload, when),
  ]
}

function conditionProblems(condition: unknown, when: unknown): string[] {
  if (!isObject(condition)) return [', condition: is no object of columns']
  return Object.entries(condition).flatMap(([column, test]) => {
    if (Array.isArray(test)) return [`, condition, ${column}: is a list; { "in": [...] } means one of it`]
    if (!isObject(test)) return []
    const isOnlyForUpdates = ('changed' in test || 'changed_to' in test) && when !== 'updated' && isMoment(when)
    return [
      ...unknownKeys(test, TESTS),
      ...(Object.keys(test).length === 0 ? ['tests nothing'] : []),
      ...('in' in test && (!Array.isArray(test.in) || test.in.length === 0)
        ? ['in: is no list with something in it']
        : []),
      ...('changed' in test && typeof test.changed !== 'boolean' ? ['changed: is neither true nor false'] : []),
      ...(isOnlyForUpdates ? [`what was ${String(when)} has not changed: that is for updated`] : []),
    ].map((problem) => `, condition, ${column}: ${problem}`)
  })
}

function topicProblems(topic: unknown): string[] {
  if (typeof topic !== 'string') return ['is no text']
  if (topic.length > LONGEST_TOPIC) return [`is longer than ${LONGEST_TOPIC} characters`]
  const skeleton = skeletonOf(topic)
  if (/[{}]/.test(skeleton)) return ['has a brace that belongs to no {column}']
  const problem = customTopicProblem(skeleton)
  return problem === undefined ? [] : [problem]
}

function oldProblems(topic: unknown, payload: unknown, when: unknown): string[] {
  if (when !== 'inserted') return []
  const texts = { topic: String(topic), payload: JSON.stringify(payload) ?? '' }
  return Object.entries(texts).flatMap(([where, text]) =>
    placeholdersIn(text)
      .filter(({ isOld }) => isOld)
      .map(({ column }) => `, ${where}: {old.${column}} is nothing for a row that was inserted`),
  )
}

function unknownKeys(found: Fields, known: readonly string[]): string[] {
  return Object.keys(found)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const near = nearest(key, known)
      return `there is no ${JSON.stringify(key)}${near === undefined ? '' : `; do you mean ${near}?`}`
    })
}

function isMoment(when: unknown): when is Rule['when'] {
  return typeof when === 'string' && Object.hasOwn(MOMENTS, when)
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
