import { signal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { isFiltered } from './filter.ts'
import { stream } from './live.ts'
import { dropped, type Row, rows, totals } from './rows.ts'
import { timeOfDay, visible } from './text.ts'
import { KIND_WORDS } from './words.ts'

/** Height of a row, in pixels; the style sheet has the same. */
const ROW = 28
/** Rows that are drawn beyond what can be seen, on either side. */
const BEYOND = 8
/** Characters of a payload that a row shows at most. */
const EXCERPT = 300

/** The row that the details show. */
export const selected = signal<Row | undefined>(undefined)
/** Whether the list stays at the newest row. */
export const isFollowing = signal(true)

const view = signal({ top: 0, height: 600 })

/**
 * The messages, newest at the bottom: they are read in the order in which they happened, as in any log, and what
 * followed stands below what it came from. Only the rows that can be seen are drawn.
 */
export function List({ onOpen }: { onOpen: (how: 'key' | 'click') => void }) {
  const box = useRef<HTMLDivElement>(null)
  const last = useRef({ top: 0, dropped: 0 })
  const all = rows.value
  const { top, height } = view.value
  const first = Math.max(0, Math.floor(top / ROW) - BEYOND)
  const drawn = all.slice(first, Math.ceil((top + height) / ROW) + BEYOND)
  const index = selected.value === undefined ? -1 : indexOf(all, selected.value)

  useLayoutEffect(() => {
    const element = box.current
    if (element === null) return
    const observer = new ResizeObserver(() => see(element))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])

  useLayoutEffect(() => {
    const element = box.current
    if (element === null) return
    const gone = dropped.value - last.current.dropped
    last.current.dropped = dropped.value
    if (isFollowing.value) element.scrollTop = element.scrollHeight
    else if (gone > 0) element.scrollTop -= gone * ROW // what is read stays where it is
    last.current.top = element.scrollTop
    see(element)
  }, [all, isFollowing.value])

  const onScroll = (): void => {
    const element = box.current
    if (element === null) return
    const isAtEnd = element.scrollHeight - element.clientHeight - element.scrollTop < 4
    if (isAtEnd) isFollowing.value = true
    else if (element.scrollTop < last.current.top - 1) isFollowing.value = false
    last.current.top = element.scrollTop
    see(element)
  }

  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(height / ROW) - 1)
    const from = index < 0 ? all.length : index
    const to: Readonly<Record<string, number>> = {
      ArrowDown: from + 1,
      ArrowUp: from - 1,
      PageDown: from + page,
      PageUp: from - page,
      Home: 0,
      End: all.length - 1,
    }
    if (event.key === 'Enter' && index >= 0) {
      event.preventDefault()
      onOpen('key')
    }
    const wanted = to[event.key]
    if (wanted === undefined || all.length === 0) return
    event.preventDefault()
    const next = Math.min(all.length - 1, Math.max(0, wanted))
    selected.value = all[next]
    isFollowing.value = event.key === 'End'
    reveal(box.current, next)
  }

  return (
    <div class="list-frame">
      <div class="list-head row" aria-hidden="true">
        <span>Time</span>
        <span>Source</span>
        <span>Topic</span>
        <span>Message</span>
      </div>
      <div
        ref={box}
        class="list"
        role="listbox"
        aria-label="Messages, oldest first"
        tabIndex={0}
        aria-activedescendant={index < 0 ? undefined : `row-${all[index]?.key}`}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
      >
        <div class="list-all" role="presentation" style={{ height: `${all.length * ROW}px` }}>
          {drawn.map((row, offset) => (
            <Line key={row.key} row={row} index={first + offset} count={all.length} onOpen={onOpen} />
          ))}
        </div>
      </div>
      {all.length === 0 && <Empty />}
      {!isFollowing.value && (
        <button type="button" class="to-newest" onClick={() => (isFollowing.value = true)}>
          ↓ Follow the newest
        </button>
      )}
    </div>
  )
}

function Line({
  row,
  index,
  count,
  onOpen,
}: {
  row: Row
  index: number
  count: number
  onOpen: (how: 'key' | 'click') => void
}) {
  const { kind, at, topic, payload, why, row: changed, signature, reasonCode, from } = row.message
  const isSelected = selected.value?.key === row.key
  const where = topic ?? changed ?? 'an entry that cannot be read'
  const what = kind === 'silent' || kind === 'parked' ? (why ?? '') : (payload ?? '').slice(0, EXCERPT)
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the focus and the keys
    // biome-ignore lint/a11y/useFocusableInteractive: the list says by aria-activedescendant which one is meant
    <div
      id={`row-${row.key}`}
      class={`row kind-${kind}${index % 2 === 1 ? ' odd' : ''}`}
      role="option"
      aria-selected={isSelected}
      aria-posinset={index + 1}
      aria-setsize={count}
      style={{ top: `${index * ROW}px` }}
      onClick={() => {
        selected.value = row
        onOpen('click')
      }}
    >
      <span class="time">{timeOfDay(at)}</span>
      <span class="kind">{KIND_WORDS[kind].name}</span>
      <span class="topic">{visible(where)}</span>
      <span class="what">
        {signature === 'good' && <span class="mark ok">signed</span>}
        {signature === 'bad' && <span class="mark failing">wrong key</span>}
        {reasonCode === 0x10 && <span class="mark waiting">nobody listens</span>}
        {from === 'program' && <span class="mark">other program</span>}
        {from === 'before' && <span class="mark">before start</span>}
        {visible(what)}
      </span>
    </div>
  )
}

function Empty() {
  const passed = Object.values(totals.value).some((count) => count > 0)
  const { is } = stream.state.value
  if (is === 'connecting') return <p class="empty">Connecting…</p>
  if (is === 'lost') return <p class="empty">Not connected, so nothing can be shown.</p>
  if (isFiltered.value || passed) {
    return (
      <p class="empty">Nothing that arrived so far fits the filter. Switch on other sources, or empty the fields.</p>
    )
  }
  return (
    <p class="empty">
      No message yet. As soon as somebody changes something in NEMO (logs on to a tool, reports a problem, makes a
      reservation), its messages appear here within a second.
    </p>
  )
}

function indexOf(all: readonly Row[], row: Row): number {
  return all.findIndex(({ key }) => key === row.key)
}

function see(element: HTMLElement): void {
  const { scrollTop: top, clientHeight: height } = element
  const before = view.peek()
  if (before.top !== top || before.height !== height) view.value = { top, height }
}

function reveal(element: HTMLElement | null, index: number): void {
  if (element === null) return
  const top = index * ROW
  if (top < element.scrollTop) element.scrollTop = top
  else if (top + ROW > element.scrollTop + element.clientHeight) element.scrollTop = top + ROW - element.clientHeight
}
