import { nearest } from '../nearest.ts'
import { EVENT_NAMES } from './event-patterns.ts'
import { bytesOf, LEVEL_BYTES } from './safe-level.ts'

/** What may stand in braces in a template. */
export const VARIABLES = ['prefix', 'topic', 'kind', 'id', 'event', 'name', 'tool_id', 'area_id', 'category'] as const

/** Name of a variable. */
export type Variable = (typeof VARIABLES)[number]

/** What the variables stand for, for one event; none is empty. */
export type Values = Readonly<Record<Variable, () => string>>

/** Longest topic, in bytes (MQTT 5, section 1.5.4). */
const TOPIC_BYTES = 65_535
/** Longest that each variable can become, in bytes; digits are those of a bigint, with its sign. */
const LONGEST: Readonly<Record<Variable, number>> = {
  prefix: 1_000,
  topic: LEVEL_BYTES + 50,
  kind: 12,
  id: 20,
  event: Math.max(...EVENT_NAMES.map((name) => name.length)),
  name: LEVEL_BYTES,
  tool_id: 20,
  area_id: 20,
  category: LEVEL_BYTES,
}

/** A topic with variables in it, such as `{prefix}/{kind}/{name}/{event}`. */
export class Template {
  /** Literal texts and variables, in turn, a text first. */
  readonly #parts: readonly string[]
  readonly #prefix: string

  private constructor(parts: readonly string[], prefix: string) {
    this.#parts = parts
    this.#prefix = prefix
  }

  /**
   * Reads a template, or says what is wrong with it.
   *
   * @param prefix what `{prefix}` stands for: below it the service's own topics are, which no event may have
   */
  static read(text: string, prefix: string): Template | { readonly problem: string } {
    const template = new Template(text.trim().split(/\{([^{}]*)\}/), prefix)
    const problem = template.#problem()
    return problem === undefined ? template : { problem: `${JSON.stringify(text.trim())} ${problem}` }
  }

  /** Whether a variable stands in it. */
  uses(variable: Variable): boolean {
    return this.#parts.some((part, index) => index % 2 === 1 && part === variable)
  }

  /** The topic for one event. */
  topic(values: Values): string {
    const topic = this.#parts.map((part, index) => (index % 2 === 0 ? part : values[part as Variable]())).join('')
    const own = `${this.#prefix}/bridge`
    // A tool may be called "bridge".
    return topic === own || topic.startsWith(`${own}/`) ? `${own}_${topic.slice(own.length)}` : topic
  }

  #problem(): string | undefined {
    const literal = this.#parts.filter((_, index) => index % 2 === 0).join('')
    const unknown = this.#variables().find((name) => !VARIABLES.some((variable) => variable === name))
    if (/[{}]/.test(literal)) return 'has a brace without its other half'
    if (unknown !== undefined) return unknownVariable(unknown)
    if (/[+#]/.test(literal)) return 'holds a wildcard (+ or #), which a topic cannot have'
    if (literal !== literal.replace(/[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/gu, '')) {
      return 'holds a control character, or a code that is no character'
    }
    const skeleton = this.#parts.map((part, index) => this.#stands(part, index)).join('')
    if (skeleton.startsWith('$')) return 'begins with $, which is reserved for the broker itself'
    if (skeleton.split('/').some((level) => level.trim() === '')) {
      return 'has an empty level: nobody would subscribe to it'
    }
    if (`${skeleton}/`.startsWith(`${this.#prefix}/bridge/`)) {
      return `is below ${this.#prefix}/bridge, where the service's own topics are`
    }
    const longest = bytesOf(literal) + this.#variables().reduce((sum, name) => sum + LONGEST[name as Variable], 0)
    if (longest > TOPIC_BYTES) return `can become longer than ${TOPIC_BYTES} bytes, the longest topic of MQTT`
    return undefined
  }

  #variables(): string[] {
    return this.#parts.filter((_, index) => index % 2 === 1)
  }

  #stands(part: string, index: number): string {
    if (index % 2 === 0) return part
    return part === 'prefix' ? this.#prefix : 'x'
  }
}

function unknownVariable(name: string): string {
  const near = nearest(name.trim().toLowerCase(), VARIABLES)
  if (near !== undefined) return `has {${name}}, which is no variable; do you mean {${near}}?`
  return `has {${name}}, which is no variable; ${VARIABLES.map((one) => `{${one}}`).join(', ')} are`
}
