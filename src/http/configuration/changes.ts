import { draftOf, unstorable } from '../../config/draft.ts'
import { type Edit, edited } from '../../config/edit.ts'
import { resolveStored } from '../../config/in-force.ts'
import { inWords, SettingsError } from '../../config/problem.ts'
import { resolveSettings, type Source } from '../../config/resolve.ts'
import type { Settings } from '../../config/settings.ts'
import type { ConfigurationStore } from '../../config/store.ts'
import type { Configuration } from '../../config/stored.ts'
import { beUsable, keepUsable } from '../../config/usable.ts'
import { AppError } from '../../errors.ts'
import type { FieldProblem, Problems, Told } from '../wire/configuration.ts'
import { configKeyOf, draftProblems } from './views.ts'

const SOON = 'It is enabled: in force within 2 s.'
const STOPPED =
  'This service is paused now, because no configuration is enabled: changes wait in PostgreSQL until one is.'

/** What a page may do with the stored configurations, each in one transaction; what it means is told in sentences. */
export class Changes {
  readonly #store: ConfigurationStore
  readonly #environment: Source

  constructor(store: ConfigurationStore, environment: Source) {
    this.#store = store
    this.#environment = environment
  }

  /** Stores a new one, not enabled; as a copy of another one, secrets included, where that is named. */
  async create(name: string, from: string | undefined): Promise<Told> {
    const settings = from === undefined ? {} : (await this.#store.get(from)).settings
    await this.#store.create([{ name, settings }])
    const what = from === undefined ? 'created, empty: everything has its default' : `created as a copy of "${from}"`
    return { told: [`"${name}" is ${what}.`, 'It is not enabled.'] }
  }

  /**
   * Saves an edit of what was `seen`.
   *
   * @throws SettingsError when something cannot be stored, or the enabled one would become unusable; ConflictError
   */
  async save(name: string, edit: Edit, seen: string): Promise<Told & Problems> {
    const key = configKeyOf(this.#environment)
    let isEnabled = false
    let problems: readonly FieldProblem[] = []
    const editStored = (found: Configuration): Configuration['settings'] => {
      problems = draftProblems(this.#environment, found, edit)
      const refused = unstorable(edit, key)
      if (refused.length > 0) throw notSaved('Nothing was saved', [...refused, ...problems])
      if (found.enabled && problems.length > 0) {
        throw notSaved(`Nothing was saved: "${name}" is enabled and must stay usable`, problems)
      }
      isEnabled = found.enabled
      return edited(found.settings, edit, key)
    }
    await this.#store.edit(name, editStored, seen)
    return { told: [`"${name}" is saved.`, effectOf(isEnabled, problems.length)], problems }
  }

  /** Puts one in force, and the other one out of it. @throws SettingsError when it cannot be used */
  async enable(name: string): Promise<Told> {
    await this.#store.enable(name, (found) => beUsable(this.#environment, found))
    return { told: [`"${name}" is enabled: in force within 2 s.`] }
  }

  /**
   * Deletes one.
   *
   * @param typed the name once more, which is needed when it is the enabled one
   * @throws AppError NEMO_MQTT_ERR_NOT_CONFIRMED
   */
  async delete(name: string, typed: string | undefined): Promise<Told> {
    let wasEnabled = false
    await this.#store.delete(name, ({ enabled }) => {
      wasEnabled = enabled
      if (!enabled || typed === name) return
      throw new AppError('NEMO_MQTT_ERR_NOT_CONFIRMED', `"${name}" is enabled; nothing was deleted`, {
        hint: 'to delete it all the same, type its name',
      })
    })
    const deleted = `"${name}" is deleted; the history can bring it back.`
    return { told: wasEnabled ? [deleted, STOPPED] : [deleted] }
  }

  /** Takes a change of the history back. @throws AppError when that cannot be done, SettingsError */
  async undo(id: string): Promise<Told> {
    const entry = await this.#store.undo(id, (wanted) => keepUsable(this.#environment, wanted))
    const name = entry.before?.name ?? entry.name
    const done = `Change ${entry.id} of "${name}" is taken back.`
    if (entry.before === null) return { told: [done, 'It is not there any more.'] }
    const now = await this.#store.get(name)
    const problems = draftProblems(this.#environment, now, { set: {}, unset: [] })
    return { told: [done, effectOf(now.enabled, problems.length)] }
  }

  /** What is wrong with an edit, of one configuration or of the environment alone; nothing is saved. */
  async check(name: string | undefined, edit: Edit): Promise<Problems> {
    const found = await this.#found(name)
    const refused = unstorable(edit, configKeyOf(this.#environment))
    return { problems: [...refused, ...draftProblems(this.#environment, found, edit)] }
  }

  /**
   * The settings that would be in force after an edit of one configuration, for whatever tries them out; those of the
   * environment alone without a name.
   *
   * @throws SettingsError when they cannot be used
   */
  async settings(name: string | undefined, edit: Edit): Promise<Settings> {
    if (name === undefined) return resolveStored(this.#environment, undefined)
    const found = await this.#store.get(name)
    const problems = draftProblems(this.#environment, found, edit)
    if (problems.length > 0) throw notSaved('These settings cannot be used', problems)
    return resolveSettings(this.#environment, draftOf(found, edit, configKeyOf(this.#environment)))
  }

  async #found(name: string | undefined): Promise<Configuration> {
    return name === undefined ? { name: '', enabled: false, settings: {} } : await this.#store.get(name)
  }
}

function effectOf(enabled: boolean, problems: number): string {
  if (enabled) return SOON
  if (problems === 0) return 'It is not enabled.'
  return `It is not enabled, and cannot be yet: ${problems === 1 ? 'one problem' : `${problems} problems`}, see below.`
}

function notSaved(what: string, problems: readonly FieldProblem[]): SettingsError {
  return new SettingsError(`${what}: ${problems.map(inWords).join('; ')}`, problems)
}
