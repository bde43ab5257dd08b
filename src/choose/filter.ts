import { fits } from './wildcard.ts'

/** What a filter is asked about: a tool, an area, a category or an event. */
export interface Named {
  /** Digits; null for what has no id. */
  readonly id: string | null
  /** Null when nobody knows it, which only `*` fits. */
  readonly name: string | null
}

/**
 * A list of names with commas between them, `*` as a wildcard and `!` before what is left out, such as `*, !task_*`. What
 * is left out wins, in whichever order they stand; a list of nothing else means everything but that.
 */
export class Filter {
  readonly #wanted: readonly string[]
  readonly #unwanted: readonly string[]

  private constructor(wanted: readonly string[], unwanted: readonly string[]) {
    this.#wanted = wanted
    this.#unwanted = unwanted
  }

  /** Reads a filter, or says what is wrong with it. */
  static read(text: string): Filter | { readonly problem: string } {
    if (text.trim() === '') return { problem: 'is empty; * stands for all' }
    const [wanted, unwanted]: [string[], string[]] = [[], []]
    for (const part of text.split(',').map((one) => one.trim())) {
      const name = part.replace(/^!\s*/, '')
      if (part === '')
        return { problem: `${JSON.stringify(text)} has an empty part: one comma stands between two names` }
      if (name === '') return { problem: `${JSON.stringify(text)} has a ! without a name behind it` }
      ;(part.startsWith('!') ? unwanted : wanted).push(name)
    }
    return new Filter(wanted, unwanted)
  }

  /** The names of the filter, without `!`. */
  get names(): readonly string[] {
    return [...this.#wanted, ...this.#unwanted]
  }

  /** Whether nothing can ever be left out. */
  get isEverything(): boolean {
    return this.#unwanted.length === 0 && this.#wanted.includes('*')
  }

  /** The part of the filter that leaves something out, for people; undefined when it passes. */
  leftOutBy(one: Named): string | undefined {
    const unwanted = this.#unwanted.find((pattern) => isMeant(pattern, one))
    if (unwanted !== undefined) return `!${unwanted}`
    const passes = this.#wanted.length === 0 || this.#wanted.some((pattern) => isMeant(pattern, one))
    return passes ? undefined : `not among ${this.#wanted.join(', ')}`
  }
}

// A wildcard is about names: 1* must not mean the tools 10 to 19.
function isMeant(pattern: string, { id, name }: Named): boolean {
  return pattern === id || fits(pattern, name ?? '')
}
