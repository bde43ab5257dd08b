import { KINDS } from '../../src/http/wire/monitor.ts'
import { save, toCsv, toNdjson } from './download.ts'
import { kinds, text, topic, topicProblem } from './filter.ts'
import { selected } from './list.tsx'
import { isAutomatic, refresh, refreshProblem, setAutomatic, stream } from './live.ts'
import { clear, held, hold, isHeld, MOST_ROWS, missed, rows, totals } from './rows.ts'
import { grouped } from './text.ts'
import { KIND_WORDS } from './words.ts'

/** What is shown, whether it moves, and what can be done with it. */
export function Controls() {
  return (
    <div class="controls">
      <Sources />
      <div class="fields">
        <TopicField />
        <label>
          <span>Search</span>
          <input
            type="search"
            placeholder="text in topic or payload"
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value
            }}
          />
        </label>
      </div>
      <div class="actions">
        <State />
        <button type="button" aria-pressed={isHeld.value} onClick={() => hold(!isHeld.value)}>
          {isHeld.value ? `Start (${grouped(held.value)} new)` : 'Pause'}
        </button>
        <label class="switch">
          <input
            type="checkbox"
            checked={isAutomatic.value}
            onChange={(event) => setAutomatic(event.currentTarget.checked)}
          />
          Auto-refresh
        </label>
        {!isAutomatic.value && (
          <button type="button" onClick={() => void refresh()}>
            Refresh
          </button>
        )}
        <span class="gap" />
        <Count />
        <button type="button" disabled={rows.value.length === 0} onClick={() => download('ndjson')}>
          NDJSON
        </button>
        <button type="button" disabled={rows.value.length === 0} onClick={() => download('csv')}>
          CSV
        </button>
        <button
          type="button"
          onClick={() => {
            selected.value = undefined
            clear()
          }}
        >
          Clear
        </button>
      </div>
      {refreshProblem.value !== '' && (
        <p class="notice failing" role="alert">
          {refreshProblem.value}
        </p>
      )}
    </div>
  )
}

function Sources() {
  return (
    <fieldset class="sources">
      <legend>Show</legend>
      {KINDS.map((kind) => (
        <label key={kind} class={`source kind-${kind}`} title={KIND_WORDS[kind].meaning}>
          <input
            type="checkbox"
            checked={kinds.value[kind]}
            onChange={(event) => {
              kinds.value = { ...kinds.value, [kind]: event.currentTarget.checked }
            }}
          />
          {KIND_WORDS[kind].name} <span class="number">{grouped(totals.value[kind])}</span>
        </label>
      ))}
    </fieldset>
  )
}

function TopicField() {
  const problem = topicProblem.value
  return (
    <label>
      <span>Topic filter</span>
      <input
        type="text"
        placeholder="nemo/tools/+/start, nemo/areas/#"
        spellcheck={false}
        autocomplete="off"
        value={topic.value}
        aria-invalid={problem !== ''}
        aria-describedby={problem === '' ? undefined : 'topic-problem'}
        onInput={(event) => {
          topic.value = event.currentTarget.value
        }}
      />
      {problem !== '' && (
        <span id="topic-problem" class="problem" role="alert">
          {problem}
        </span>
      )}
    </label>
  )
}

function State() {
  const { state } = stream
  const is = isHeld.value && state.value.is === 'live' ? 'held' : state.value.is
  const words = {
    connecting: 'Connecting',
    live: 'Live',
    held: 'Paused',
    paused: 'Auto-refresh is off',
    lost: 'Connection lost',
  }
  return (
    <output class={`state is-${is}`}>
      <span class="dot" aria-hidden="true" />
      {words[is]}
    </output>
  )
}

function Count() {
  return (
    <span class="count">
      {grouped(rows.value.length)} shown
      {rows.value.length >= MOST_ROWS && `, the newest ${MOST_ROWS}`}
      {missed.value > 0 && `; ${grouped(missed.value)} passed too fast to be shown`}
    </span>
  )
}

function download(form: 'ndjson' | 'csv'): void {
  const name = `nemo-mqtt-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.${form}`
  if (form === 'csv') save(toCsv(rows.value), 'text/csv', name)
  else save(toNdjson(rows.value), 'application/x-ndjson', name)
}
