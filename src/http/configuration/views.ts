import { isShown } from '../../config/difference.ts'
import { draftOf } from '../../config/draft.ts'
import type { Edit } from '../../config/edit.ts'
import { problemsOf, type Source } from '../../config/resolve.ts'
import type { ConfigurationStore } from '../../config/store.ts'
import { type Configuration, isSecret } from '../../config/stored.ts'
import type { Observed } from '../observed.ts'
import type { FieldProblem, Opened, Overview, Value } from '../wire/configuration.ts'
import { fieldGroups, machineSettings } from './fields.ts'

/** Names in the list, and names and problems in one configuration: with psql there can be any number. */
const MOST_CONFIGURATIONS = 500
const MOST_NAMES = 100
/** Longest value that is sent, in characters. */
const LONGEST_VALUE = 70_000

const NOTHING: Edit = { set: {}, unset: [] }

/** Everything but what is in a configuration. */
export async function overviewOf(
  store: ConfigurationStore,
  environment: Source,
  observed: Observed,
): Promise<Overview> {
  const all = (await store.list()).slice(0, MOST_CONFIGURATIONS)
  const { state, why, todo } = observed.health.of('configuration')
  return {
    groups: fieldGroups(environment),
    machine: machineSettings(environment),
    configurations: all.map((one) => {
      return { name: one.name, enabled: one.enabled, problems: draftProblems(environment, one, NOTHING).length }
    }),
    isInUse: await store.isInUse(),
    hasKey: configKeyOf(environment) !== '',
    service: { role: observed.readiness().role, state, why, todo },
  }
}

/** One configuration, without its secrets. */
export async function openedOf(store: ConfigurationStore, environment: Source, name: string): Promise<Opened> {
  const revision = await store.revision(name) // first: a change in between is then noticed when this is saved
  const found = await store.get(name)
  const names = Object.keys(found.settings).slice(0, 10 * MOST_NAMES)
  const plain = names.filter((one) => isShown(one) && isValue(found.settings[one]))
  const secrets = names.filter(isSecret)
  return {
    name: found.name,
    enabled: found.enabled,
    revision,
    values: Object.fromEntries(plain.map((one) => [one, found.settings[one] as Value])),
    secrets,
    strays: names.filter((one) => !plain.includes(one) && !secrets.includes(one)).slice(0, MOST_NAMES),
    problems: draftProblems(environment, found, NOTHING).slice(0, MOST_NAMES),
  }
}

/** What is wrong with a configuration after an edit, by setting. */
export function draftProblems(environment: Source, configuration: Configuration, edit: Edit): FieldProblem[] {
  return [...problemsOf(environment, draftOf(configuration, edit, configKeyOf(environment)))]
}

/** The key that secrets are stored with; empty without one. */
export function configKeyOf({ values }: Source): string {
  return String(values.config_key ?? '')
}

function isValue(value: unknown): value is Value {
  if (typeof value === 'string') return value.length <= LONGEST_VALUE
  return typeof value === 'number' || typeof value === 'boolean'
}
