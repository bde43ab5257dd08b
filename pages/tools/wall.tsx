import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { ToolState } from '../../src/http/wire/tools.ts'
import { Areas } from './areas.tsx'
import { minute, now } from './clock.ts'
import { fitTiles, type Space } from './fit.ts'
import { FullScreen } from './full-screen.tsx'
import { lastWord, listen, notLive, shownTools } from './laboratory.ts'
import { NotLive } from './not-live.tsx'
import { countsOf, groupsOf } from './order.ts'
import { Tile } from './tile.tsx'
import { timeOf } from './when.ts'

/** Letters of names are at least so high on a screen of 1080 pixels: they can be read from three metres. */
const SMALLEST = 28
/** A screen of several stays so long, in milliseconds. */
const TURN_MS = 12_000

const space = signal<Space>({ width: 0, height: 0 })
const turn = signal(0)

/** Tools and areas for a screen on the wall: as large as they fit, one screen after the other when they do not. */
export function Wall() {
  const tiles = useRef<HTMLUListElement>(null)
  useEffect(() => {
    listen()
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) space.value = { width: entry.contentRect.width, height: entry.contentRect.height }
    })
    if (tiles.current !== null) observer.observe(tiles.current)
    const timer = setInterval(() => {
      turn.value += 1
    }, TURN_MS)
    return () => {
      observer.disconnect()
      clearInterval(timer)
    }
  }, [])

  const tools = groupsOf(shownTools.value).flatMap((group) => group.tools)
  const smallest = Math.max(15, (SMALLEST * Math.min(window.innerHeight, window.innerWidth)) / 1080)
  const { size, columns, rows, pages } = fitTiles(tools.length, space.value, smallest)
  const page = pages > 1 ? turn.value % pages : 0
  const each = Math.ceil(tools.length / pages)
  const isMeasured = space.value.height > 0
  // A still picture burns in: the whole of it wanders by some pixels, a step a minute.
  const step = minute.value % 9
  return (
    <div
      class={notLive.value === null ? 'wall' : 'wall stale'}
      style={{ translate: `${step % 3}px ${Math.floor(step / 3)}px` }}
    >
      <h1 class="visually-hidden">Tools</h1>
      <div class="head">
        <Summary tools={tools} />
        {pages > 1 && (
          <p class="page">
            {page + 1} of {pages}
          </p>
        )}
        <FullScreen />
        <time class="now">{timeOf(new Date(now()).toISOString(), now())}</time>
      </div>
      <NotLive />
      <ul
        ref={tiles}
        class="tiles"
        style={{
          fontSize: `${size}px`,
          gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
          gridTemplateRows: `repeat(${rows}, minmax(0, 1fr))`,
        }}
      >
        {(isMeasured ? tools.slice(page * each, (page + 1) * each) : []).map((tool) => (
          <Tile key={tool.tool_id} tool={tool} category={true} />
        ))}
      </ul>
      {tools.length === 0 && lastWord.value !== undefined && <p class="notice">NEMO shows no tools.</p>}
      <Areas people={false} />
    </div>
  )
}

// Of the tools that are down the names too: their tiles may be on another screen.
function Summary({ tools }: { tools: readonly ToolState[] }) {
  const counts = countsOf(tools)
  const down = tools.filter((tool) => tool.operational === false).map((tool) => tool.tool_name ?? tool.tool_id)
  return (
    <p class="summary">
      <span>
        <b>{counts.in_use}</b> in use
      </span>
      <span>
        <b>{counts.free}</b> free
      </span>
      <span class={down.length > 0 ? 'bad' : ''}>
        <b>{down.length}</b> down{down.length > 0 && `: ${down.join(', ')}`}
      </span>
    </p>
  )
}
