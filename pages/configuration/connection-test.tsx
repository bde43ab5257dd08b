import type { Opened, TestLine, TestResult } from '../../src/http/wire/configuration.ts'
import { isAdmin } from '../frame/page-data.ts'
import { useFormAnswer } from './form-answer.ts'
import { unsaved } from './state.ts'

/** The layers in their order, as people call them. */
const LAYERS: ReadonlyArray<readonly [string, string]> = [
  ['dns', 'Name'],
  ['tcp', 'Port'],
  ['tls', 'TLS'],
  ['certificate', 'Certificate'],
  ['login', 'Login'],
  ['limits', 'Limits'],
  ['publish', 'Publish'],
  ['readBack', 'Read back'],
  ['signature', 'Signature'],
]

const WORDS: Readonly<Record<TestLine['level'], string>> = {
  ok: 'ok',
  warning: 'look',
  critical: 'fails',
  unknown: 'unknown',
}

/** Connects with what is in the form, saved or not, and shows what was found on the way. */
export function ConnectionTest({ form }: { form: Opened }) {
  const { result, isRunning, why, run } = useFormAnswer<TestResult>('configuration/test', form, false)
  return (
    <section class="panel" aria-labelledby="test">
      <h3 id="test">Test connection</h3>
      <p class="help">
        Connects with what is in the form{unsaved.value > 0 ? ', unsaved changes included' : ''}, publishes a message on{' '}
        <code>bridge/check/…</code> below the prefix and reads it back. Secrets that you have not touched are those that
        are stored. The running service is not disturbed.
      </p>
      <button type="button" disabled={!isAdmin || isRunning} onClick={() => void run()}>
        {isRunning ? 'Testing …' : 'Test connection'}
      </button>
      <div aria-live="polite">
        {why === '' ? null : <p class="notice failing">{why}</p>}
        {result === undefined ? null : <Outcome result={result} />}
      </div>
    </section>
  )
}

function Outcome({ result: { lines, ms } }: { result: TestResult }) {
  const bad = lines.find(({ level }) => level === 'critical')
  const failed = LAYERS.find(([layer]) => layer === bad?.layer)?.[1]
  return (
    <>
      <p class={`notice ${bad === undefined ? 'ok' : 'failing'}`}>
        {bad === undefined ? `Works, in ${ms} ms.` : `Fails at: ${failed ?? bad.layer}.`}
      </p>
      <ol class="layers">
        {LAYERS.map(([layer, title]) => {
          const found = lines.filter((line) => line.layer === layer)
          return (
            <li key={layer}>
              <strong>{title}</strong>
              {found.length === 0 ? <span class="found quiet">not reached</span> : null}
              {found.map((line) => (
                <Line key={line.found} line={line} />
              ))}
            </li>
          )
        })}
      </ol>
    </>
  )
}

function Line({ line: { level, found, todo } }: { line: TestLine }) {
  return (
    <span class="found">
      <span class={`badge ${level}`}>{WORDS[level]}</span> {found}
      {level === 'ok' || todo === undefined ? null : <span class="todo">Try: {todo}</span>}
    </span>
  )
}
