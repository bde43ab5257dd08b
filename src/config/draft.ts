import type { Edit } from './edit.ts'
import type { Problem } from './problem.ts'
import type { Source } from './resolve.ts'
import { type Configuration, fromStored, isSecret, kindProblem, storeProblem } from './stored.ts'

const NO_KEY = 'can be stored only encrypted, and NEMO_MQTT_CONFIG_KEY is not set'

/** What a configuration would be after an edit, as a source of settings; nothing is stored, so no key is needed. */
export function draftOf(configuration: Configuration, { set, unset }: Edit, configKey: string): Source {
  const isTouched = (name: string): boolean => unset.includes(name) || Object.hasOwn(set, name)
  const kept = Object.entries(configuration.settings).filter(([name]) => !isTouched(name))
  const stored = fromStored({ ...configuration, settings: Object.fromEntries(kept) }, configKey)
  const given = Object.entries(set).filter(([name]) => storeProblem(name) === undefined)
  const strange = given.flatMap(([name, value]): Problem[] => {
    const problem = kindProblem(name, value)
    return problem === undefined ? [] : [{ name, called: name, problem }]
  })
  const isStrange = (name: string): boolean => strange.some((one) => one.name === name)
  const values = Object.fromEntries(given.filter(([name]) => !isStrange(name)))
  // Whoever edits a configuration knows which one it is.
  const problems = [...stored.problems.map((one) => ({ ...one, called: one.name })), ...strange]
  return { values: { ...stored.values, ...values }, problems, nameOf: (name) => name }
}

/** Why an edit cannot be stored at all, whatever the settings mean; nothing when it can. */
export function unstorable({ set }: Edit, configKey: string): Problem[] {
  return Object.keys(set).flatMap((name): Problem[] => {
    const problem = storeProblem(name) ?? (isSecret(name) && configKey === '' ? NO_KEY : undefined)
    return problem === undefined ? [] : [{ name, called: name, problem }]
  })
}
