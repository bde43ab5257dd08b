import { useEffect, useRef } from 'preact/hooks'
import type { Sample } from '../../src/http/wire/monitor.ts'
import { samples } from './live.ts'
import { duration } from './text.ts'

/** Draws into an element; gives how to draw other samples, and how to end. */
type Draw = (element: HTMLElement) => { update: (all: readonly Sample[]) => void; end: () => void }

/** Messages a second, and how long they take, over the last five minutes. The library comes when it is needed. */
export function Plots() {
  const last = samples.value.at(-1)
  const latest = samples.value.findLast(([, , p50]) => p50 !== null)
  const [, , p50, p95] = latest ?? [0, 0, null, null]
  return (
    <div class="plots">
      <Plot caption={`Messages a second: ${last?.[1] ?? 0}`} load={async () => (await import('./plot.ts')).drawRate} />
      <Plot
        caption={
          p50 === null || p95 === null
            ? 'Change to acknowledgement, ms: nothing yet'
            : `Change to acknowledgement, ms: half within ${duration(p50)}, 95 % within ${duration(p95)}`
        }
        load={async () => (await import('./plot.ts')).drawLatency}
      />
    </div>
  )
}

function Plot({ caption, load }: { caption: string; load: () => Promise<Draw> }) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    let end = (): void => undefined
    let isWanted = true
    void load().then(
      (draw) => {
        if (!isWanted || box.current === null) return
        const plot = draw(box.current)
        const unsubscribe = samples.subscribe(plot.update)
        end = () => {
          unsubscribe()
          plot.end()
        }
      },
      () => undefined, // without the drawing the words above it remain
    )
    return () => {
      isWanted = false
      end()
    }
  }, [])
  return (
    <figure>
      <figcaption>{caption}</figcaption>
      <div class="plot" ref={box} aria-hidden="true" />
    </figure>
  )
}
