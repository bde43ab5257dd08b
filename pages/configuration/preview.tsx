import type { Opened, PreviewLine, PreviewResult } from '../../src/http/wire/configuration.ts'
import { isAdmin } from '../frame/page-data.ts'
import { useFormAnswer } from './form-answer.ts'
import { unsaved } from './state.ts'

/** Shows what the form, saved or not, would make of the messages that were delivered last. */
export function Preview({ form }: { form: Opened }) {
  const { result, isRunning, why, run } = useFormAnswer<PreviewResult>('configuration/preview', form, true)
  return (
    <section class="panel" aria-labelledby="preview">
      <h3 id="preview">Preview</h3>
      <p class="help">
        What the form{unsaved.value > 0 ? ', unsaved changes included,' : ''} would make of the last messages that were
        delivered: which are sent, on which topic, with which payload. Nothing is sent.
      </p>
      <button type="button" disabled={!isAdmin || isRunning} onClick={() => void run()}>
        {isRunning ? 'Looking …' : 'Show preview'}
      </button>
      <div aria-live="polite">
        {why === '' ? null : <p class="notice failing">{why}</p>}
        {result === undefined ? null : <Outcome result={result} />}
      </div>
    </section>
  )
}

function Outcome({ result: { lines, notes } }: { result: PreviewResult }) {
  const sent = lines.filter(({ isSent }) => isSent).length
  return (
    <>
      <p class="notice">
        {sent} of {lines.length} are sent.
        {notes.map((note) => ` ${note}.`)}
      </p>
      <ol class="preview">
        {lines.map((line, index) => (
          <li key={index}>
            <Line line={line} />
          </li>
        ))}
      </ol>
    </>
  )
}

function Line({ line: { was, isSent, why, topic, payload, doubt } }: { line: PreviewLine }) {
  return (
    <>
      <span class={`badge ${isSent ? 'ok' : 'warning'}`}>{isSent ? 'sent' : 'left out'}</span>{' '}
      <span class="value">{was}</span>
      {topic === null || topic === was ? null : (
        <>
          {' → '}
          <span class="value">{topic}</span>
        </>
      )}
      {why === null ? null : <div>{why}</div>}
      {doubt === null ? null : <div class="quiet">{doubt}</div>}
      {payload === null ? null : (
        <details>
          <summary>
            Payload<span class="visually-hidden"> on {topic}</span>
          </summary>
          <pre>{payload}</pre>
        </details>
      )}
    </>
  )
}
