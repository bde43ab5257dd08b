import { isAdmin } from '../frame/page-data.ts'
import { loadHistory, tellFailure } from './actions.ts'
import { change } from './changes.tsx'
import { undo } from './deeds.ts'
import { history, historyOf, isBusy, overview } from './state.ts'

/** Who changed what, and when; each change can be taken back. */
export function HistoryPanel() {
  const found = history.value
  const names = overview.value?.configurations.map(({ name }) => name) ?? []
  return (
    <section class="panel" aria-labelledby="history">
      <header>
        <h2 id="history">History</h2>
        <label>
          of{' '}
          <select
            value={historyOf.value}
            onChange={(event) => {
              historyOf.value = event.currentTarget.value
              loadHistory().catch(tellFailure)
            }}
          >
            <option value="">all configurations</option>
            {names.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </header>
      {found?.lines.length === 0 ? <p class="help">Nothing was changed yet.</p> : null}
      <ol class="history">
        {found?.lines.map(({ id, at, who, name, deeds, changes }) => (
          <li key={id}>
            <div class="when">
              <time dateTime={at}>{new Date(at).toLocaleString()}</time> <span class="who">{who}</span>
            </div>
            <div class="what">
              <strong>{name}</strong> {deeds.join(', ')}
              {changes.length === 0 ? null : (
                <ul>
                  {changes.map((line) => (
                    <li key={line.setting}>{change(line)}</li>
                  ))}
                </ul>
              )}
            </div>
            <button
              type="button"
              disabled={!isAdmin || isBusy.value}
              aria-label={`Undo change ${id}`}
              onClick={() => void undo(id, name)}
            >
              Undo
            </button>
          </li>
        ))}
      </ol>
      {found?.hasMore === true ? (
        <p class="help">
          The newest {found.lines.length}; <code>nemo-mqtt config history --limit</code> shows more.
        </p>
      ) : null}
    </section>
  )
}
