import { useEffect } from 'preact/hooks'
import { Controls } from './controls.tsx'
import { Details } from './details.tsx'
import { List, selected } from './list.tsx'
import { stream } from './live.ts'
import { Pipeline } from './pipeline.tsx'

/** Details lie below the list; the style sheet has the same. */
const NARROW = '(max-width: 60rem)'

/** The monitor: what flows, what has passed, and where each message comes from. */
export function Monitor() {
  useEffect(() => stream.open(), [])
  return (
    <div class="monitor">
      <h1 class="visually-hidden">Monitor</h1>
      <Lost />
      <Pipeline />
      <section class="stream" aria-label="Messages">
        <Controls />
        <div class={`panes${selected.value === undefined ? '' : ' has-details'}`}>
          <List onOpen={showDetails} />
          <Details
            onClose={() => {
              selected.value = undefined
              focus('.list')
            }}
          />
        </div>
      </section>
    </div>
  )
}

function Lost() {
  const state = stream.state.value
  return (
    <div role="alert">
      {state.is === 'lost' && (
        <p class="notice failing">{`${state.why} What is shown is what arrived before; this page tries again by itself.`}</p>
      )}
    </div>
  )
}

// Whoever clicks stays in the list, unless the details lie below it.
function showDetails(how: 'key' | 'click'): void {
  if (how === 'key' || matchMedia(NARROW).matches) focus('#details')
}

// After it was drawn.
function focus(selector: string): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>(selector)?.focus({ preventScroll: false }))
}
