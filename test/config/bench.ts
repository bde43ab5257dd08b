import { createConfiguration } from '../../src/commands/config/create.ts'
import { deleteConfiguration } from '../../src/commands/config/delete.ts'
import { enableConfiguration } from '../../src/commands/config/enable.ts'
import { exportConfiguration } from '../../src/commands/config/export.ts'
import { showHistory } from '../../src/commands/config/history.ts'
import { importConfiguration } from '../../src/commands/config/import.ts'
import { listConfigurations } from '../../src/commands/config/list.ts'
import { previewConfiguration } from '../../src/commands/config/preview.ts'
import { setSettings } from '../../src/commands/config/set.ts'
import { showConfiguration } from '../../src/commands/config/show.ts'
import { testConfiguration } from '../../src/commands/config/test.ts'
import { undoChange } from '../../src/commands/config/undo.ts'
import { unsetSettings } from '../../src/commands/config/unset.ts'
import type { Ask } from '../../src/commands/terminal.ts'
import { AppError } from '../../src/errors.ts'

/** A key for the secrets of the tests. */
export const CONFIG_KEY = 'a key for the tests of configurations'

/** What a command has said. */
export interface Said {
  readonly code: number
  /** The result. */
  readonly text: string
  /** What was said beside it, or the error with its hint. */
  readonly notes: string
}

/** The subcommands of `nemo-mqtt config` in this process, on one database. */
export class ConfigBench {
  readonly variables: NodeJS.ProcessEnv

  constructor(databaseUrl: string, variables: NodeJS.ProcessEnv = {}) {
    this.variables = { NEMO_MQTT_DATABASE_URL: databaseUrl, NEMO_MQTT_CONFIG_KEY: CONFIG_KEY, ...variables }
  }

  /** The same database with other variables. */
  with(variables: NodeJS.ProcessEnv): ConfigBench {
    return new ConfigBench(this.variables.NEMO_MQTT_DATABASE_URL ?? '', variables)
  }

  create(name: string, assignments: string[] = [], from?: string): Promise<Said> {
    return this.#run((print, note) => createConfiguration({ name, assignments, from }, this.variables, { print, note }))
  }

  set(name: string, assignments: string[], input = ''): Promise<Said> {
    const read = async (): Promise<string> => input
    return this.#run((print, note) => setSettings({ name, assignments }, this.variables, { print, note }, read))
  }

  unset(name: string, settings: string[]): Promise<Said> {
    return this.#run((print, note) => unsetSettings({ name, settings }, this.variables, { print, note }))
  }

  enable(name: string): Promise<Said> {
    return this.#run((print, note) => enableConfiguration({ name }, this.variables, { print, note }))
  }

  delete(name: string, yes?: boolean, ask?: Ask): Promise<Said> {
    return this.#run((print, note) => deleteConfiguration({ name, yes }, this.variables, { print, note }, ask))
  }

  undo(id?: string): Promise<Said> {
    return this.#run((print, note) => undoChange({ id }, this.variables, { print, note }))
  }

  export(name: string): Promise<Said> {
    return this.#run((print, note) => exportConfiguration({ name }, this.variables, { print, note }))
  }

  import(input: string, name?: string): Promise<Said> {
    const read = async (): Promise<string> => input
    return this.#run((print, note) => importConfiguration({ file: '-', name }, this.variables, { print, note }, read))
  }

  importFromPlugin(): Promise<Said> {
    return this.#run((print, note) => importConfiguration({ plugin: true }, this.variables, { print, note }))
  }

  list(json = false): Promise<Said> {
    return this.#run((print) => listConfigurations({ json }, this.variables, print))
  }

  show(name?: string, json = false): Promise<Said> {
    return this.#run((print) => showConfiguration({ name, json }, this.variables, print))
  }

  history(name?: string, json = false): Promise<Said> {
    return this.#run((print) => showHistory({ name, json }, this.variables, print))
  }

  test(name?: string): Promise<Said> {
    return this.#run((print) => testConfiguration({ name }, this.variables, print))
  }

  preview(name?: string, json = false): Promise<Said> {
    return this.#run((print, note) => previewConfiguration({ name, json }, this.variables, { print, note }))
  }

  async #run(command: (print: (line: string) => void, note: (line: string) => void) => Promise<number>): Promise<Said> {
    const [lines, notes]: [string[], string[]] = [[], []]
    try {
      const code = await command(
        (line) => lines.push(line),
        (line) => notes.push(line),
      )
      return { code, text: lines.join('\n'), notes: notes.join('\n') }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      notes.push(`${error.code}: ${error.message}`, `Try: ${error.hint ?? ''}`)
      return { code: error.code === 'NEMO_MQTT_ERR_CONFIG' ? 2 : 1, text: lines.join('\n'), notes: notes.join('\n') }
    }
  }
}
