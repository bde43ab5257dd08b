import { createColors } from 'picocolors'
import type { WrittenChange } from '../life.ts'
import type { Match, Totals } from './ledger.ts'

/** Prints a demo: colours on a terminal, plain text anywhere else. */
export class View {
  readonly #out: NodeJS.WritableStream
  readonly #colors: ReturnType<typeof createColors>

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
    this.#colors = createColors(out.isTTY === true && process.env.NO_COLOR === undefined)
  }

  /** What was started and where; each fact is a name and what there is to say about it. */
  header(
    facts: readonly (readonly [string, string])[],
    pages: { readonly url: string; readonly password: string },
    listenAlong: string,
  ): void {
    const { bold, cyan, dim } = this.#colors
    this.#print('', bold(' nemo-mqtt demo: a laboratory of its own, every change of it on MQTT'), '')
    for (const [name, what] of facts) this.#print(`   ${name.padEnd(12)} ${what}`)
    this.#print('', `   ${'look here'.padEnd(12)} ${bold(cyan(pages.url))}`)
    this.#print(`   ${''.padEnd(12)} ${dim(`to change things, log in with ${pages.password}`)}`)
    this.#print(`   ${'listen along'.padEnd(12)} ${cyan(listenAlong)}`, '')
    this.#print(dim(' who does what, which rows NEMO writes, and the messages that arrive. Ctrl-C stops it all.'), '')
  }

  /** A step of the preparations. */
  step(what: string): void {
    this.#print(this.#colors.dim(` ${what} ...`))
  }

  /** What people are about to do. */
  act(what: string): void {
    this.#print(`${this.#colors.dim(clock())} ${this.#colors.bold(what)}`)
  }

  /** A committed row change. */
  change(change: WrittenChange): void {
    const { dim, yellow } = this.#colors
    const what = change.operation === 'INSERT' ? 'new' : change.columns.length > 0 ? change.columns.join(', ') : 'same'
    const silence = change.expected.length === 0 ? dim('  no message') : ''
    this.#print(`         ${yellow(change.operation)} ${change.table} ${change.id} ${dim(clip(what, 60))}${silence}`)
  }

  /** A message that arrived, next to the change it came from. */
  message({ message, latencyMs }: Match): void {
    const { cyan, dim, green, red } = this.#colors
    const event = (message.parsed as { event?: unknown } | undefined)?.event
    const seal = message.fault === undefined ? green('signed') : red(message.fault)
    const topic = cyan(message.topic.padEnd(27))
    this.#print(
      `           ${green('>')} ${topic} ${String(event).padEnd(22)} ${seal} ${dim(`${latencyMs.toFixed(1)} ms`)}`,
    )
  }

  /** How it went. */
  summary(totals: Totals, isRight: boolean): void {
    const { bold, green, red } = this.#colors
    const { p50, p99 } = totals.latencyMs
    this.#print('', bold(` ${totals.changes} changes, ${totals.messages} messages`))
    this.#print(`   latency            p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`)
    this.#print(`   signature faults   ${totals.signatureFaults}`)
    this.#print(`   missing            ${list(totals.missing)}`)
    this.#print(`   not expected       ${list(totals.surplus)}`)
    this.#print(`   out of order       ${list(totals.overtakers)}`)
    this.#print(`   repeated           ${totals.repeats}`)
    this.#print('', isRight ? green(' Every change became its messages.') : red(' Something is wrong.'), '')
  }

  /** Something that a person must read. */
  problem(text: string): void {
    this.#print(this.#colors.red(text))
  }

  #print(...lines: string[]): void {
    for (const line of lines) this.#out.write(`${line}\n`)
  }
}

function clock(): string {
  return new Date().toTimeString().slice(0, 8)
}

function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3)}...`
}

function list(items: readonly string[]): string {
  return items.length === 0 ? '0' : `${items.length}: ${items.slice(0, 5).join('; ')}${items.length > 5 ? '; ...' : ''}`
}
