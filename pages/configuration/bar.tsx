import { discard } from './actions.ts'
import { isBusy, opened, status, unsaved } from './state.ts'

/** At the bottom, always in sight: what happened last, and what is not saved. */
export function Bar() {
  const { kind, lines } = status.value ?? { kind: 'ok', lines: [] }
  const count = unsaved.value
  return (
    <div class={`bar${lines.length === 0 && count === 0 ? ' empty' : ''}`}>
      <div id="status" role="status" tabIndex={-1} class={lines.length === 0 ? '' : `notice ${kind}`}>
        {lines.map((line) => (
          <p key={line}>{line}</p>
        ))}
      </div>
      {opened.value === undefined || count === 0 ? null : (
        <div class="buttons">
          <span class="mark">{count === 1 ? '1 unsaved change' : `${count} unsaved changes`}</span>
          <button type="button" disabled={isBusy.value} onClick={() => void discard()}>
            Discard
          </button>
          <button type="submit" form="editor-form" class="primary" disabled={isBusy.value}>
            Save
          </button>
        </div>
      )}
    </div>
  )
}
