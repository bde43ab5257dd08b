/** One test of a file, as its file named it. */
interface TestResult {
  readonly name: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
}

/** Where a skipped test is a failure, and why. */
export interface TallyOptions {
  /** Files, by their names, whose tests may not be skipped. @defaultValue none */
  readonly mayNotSkip?: (file: string) => boolean
}

/** A test inside a file: indented by four spaces. Its own assertions are indented further. */
const TEST = /^ {4}(not )?ok \d+\b(?: - )?(.*)$/
/** A whole file. */
const FILE = /^(not )?ok \d+ - (.*)$/
/** What may follow a name: a directive, the time it took, and the brace of a buffered subtest. */
const TAIL = /(?:\s+# (SKIP|TODO)\b.*?)?(?:\s+# time=([\d.]+)(m?s))?(?: \{)?$/i

/**
 * Counts the tests in the TAP stream of a run. A file that fails although none of its tests did, because it crashed or
 * took too long, counts as one failed test, and so does one that has no test at all.
 *
 * @see https://testanything.org/tap-version-14-specification.html
 */
export class Tally {
  passed = 0
  failed = 0
  skipped = 0
  /** Seconds that each file took. */
  readonly durations = new Map<string, number>()
  readonly #mayNotSkip: (file: string) => boolean
  readonly #failures: string[] = []
  readonly #skips: string[] = []
  /** Tests of the file that is being read. */
  #tests: TestResult[] = []
  /** The line of a file whose tests follow it, as a buffered subtest's do. */
  #opened: string | undefined
  /** Where the details of the last result are indented to, should they follow. */
  #details = ''
  #isInDetails = false

  constructor(options: TallyOptions = {}) {
    this.#mayNotSkip = options.mayNotSkip ?? (() => false)
  }

  /** Whether something was tested and nothing failed. */
  get isGood(): boolean {
    return this.failed === 0 && this.passed > 0
  }

  /** Takes one line of the stream. */
  read(line: string): void {
    if (this.#isDetail(line)) return
    const test = TEST.exec(line)
    const file = FILE.exec(line)
    if (test !== null) {
      this.#tests.push(result(test[2] ?? '', test[1] !== undefined))
    } else if (file !== null) {
      // Tap says so at the end of the run, besides the file's own line, which counts.
      if (file[2] === 'timeout!') return
      if (line.endsWith(' {')) this.#opened = line
      else this.#close(line)
    } else if (line === '}' && this.#opened !== undefined) {
      this.#close(this.#opened)
    } else if (/^\s*Bail out!/i.test(line)) {
      this.fail(line.trim())
    }
  }

  /** Counts something as failed that the stream does not tell, such as a run that ended before its end. */
  fail(what: string): void {
    this.failed += 1
    this.#failures.push(what)
  }

  /** What is printed at the end; the last line is `N passed, N failed, N skipped`. */
  report(): string {
    const slowestFirst = [...this.durations].sort(([, a], [, b]) => b - a)
    const lines = slowestFirst.map(([name, seconds]) => `${seconds.toFixed(1).padStart(7)} s  ${name}`)
    lines.push(...this.#skips.map((name) => `skipped: ${name}`), ...this.#failures.map((name) => `FAILED: ${name}`))
    if (this.passed + this.failed === 0) lines.push('nothing was tested, which is a failure')
    return `\n${lines.join('\n')}\n${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped\n`
  }

  #close(line: string): void {
    const [, not, rest = ''] = FILE.exec(line) ?? []
    const [, directive, time = '0', unit] = TAIL.exec(rest) ?? []
    const name = rest.replace(TAIL, '')
    const tests = this.#tests
    this.#tests = []
    this.#opened = undefined
    this.durations.set(name, Number(time) / (unit === 'ms' ? 1_000 : 1))
    for (const { name: test, outcome } of tests) this.#count(name, `${name}: ${test}`, outcome)
    const isFailed = not !== undefined && !tests.some(({ outcome }) => outcome === 'failed')
    if (isFailed) this.fail(`${name} as a whole`)
    else if (tests.length === 0) this.#count(name, `${name} as a whole`, directive === undefined ? 'failed' : 'skipped')
  }

  #count(file: string, what: string, outcome: TestResult['outcome']): void {
    if (outcome === 'passed') {
      this.passed += 1
    } else if (outcome === 'failed') {
      this.fail(what)
    } else if (this.#mayNotSkip(file)) {
      this.fail(`${what} (skipped, which it may not be here)`)
    } else {
      this.skipped += 1
      this.#skips.push(what)
    }
  }

  /** Details are YAML between `---` and `...`, and may quote what looks like a result. */
  #isDetail(line: string): boolean {
    if (this.#isInDetails) {
      // A line that is indented less belongs to somebody else: the details were cut off.
      this.#isInDetails = line !== `${this.#details}...` && (line.trim() === '' || line.startsWith(this.#details))
      if (this.#isInDetails || line.startsWith(this.#details)) return true
    }
    this.#isInDetails = this.#details !== '' && line === `${this.#details}---`
    const [indentation] = /^ *(?=(?:not )?ok \d)/.exec(line) ?? []
    this.#details = indentation === undefined && !this.#isInDetails ? '' : `${indentation ?? this.#details.slice(2)}  `
    return this.#isInDetails
  }
}

function result(text: string, isNot: boolean): TestResult {
  const [, directive] = TAIL.exec(text) ?? []
  const name = text.replace(TAIL, '')
  // A test marked TODO may fail: that is what the mark says. It proves as little as a skipped one.
  if (directive !== undefined) return { name, outcome: 'skipped' }
  return { name, outcome: isNot ? 'failed' : 'passed' }
}
