import uPlot from 'uplot'
import type { Sample } from '../../src/http/wire/monitor.ts'

/** What a plot shows of the past. */
const SECONDS = 300
/** Height of a plot, in pixels. */
const HEIGHT = 84

/** Draws messages a second. */
export function drawRate(element: HTMLElement): ReturnType<typeof draw> {
  return draw(element, [{ label: 'a second', colour: '--accent' }], ([, perSecond]) => [perSecond])
}

/** Draws two latencies, in milliseconds. */
export function drawLatency(element: HTMLElement): ReturnType<typeof draw> {
  const series = [
    { label: 'p50', colour: '--ok' },
    { label: 'p95', colour: '--waiting' },
  ]
  return draw(element, series, ([, , p50, p95]) => [p50, p95])
}

function draw(
  element: HTMLElement,
  series: ReadonlyArray<{ readonly label: string; readonly colour: string }>,
  valuesOf: (sample: Sample) => ReadonlyArray<number | null>,
): { update: (all: readonly Sample[]) => void; end: () => void } {
  const colour = (name: string): string => getComputedStyle(element).getPropertyValue(name) || 'gray'
  // Asked at each drawing: the colours of the page can change.
  const resolved = (name: string) => (): string => resolve(element, colour(name))
  const axis = { stroke: resolved('--quiet'), grid: { stroke: resolved('--line'), width: 1 }, ticks: { show: false } }
  const plot = new uPlot(
    {
      width: Math.max(120, element.clientWidth),
      height: HEIGHT,
      padding: [6, 4, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { range: (_plot, _min, max: number | null) => [(max ?? SECONDS) - SECONDS, max ?? SECONDS] },
        y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] },
      },
      axes: [
        { ...axis, size: 20, values: '{HH}:{mm}', space: 60, font: '10px sans-serif' },
        { ...axis, size: 40, space: 24, font: '10px sans-serif', values: (_plot, all) => all.map(short) },
      ],
      series: [
        {},
        ...series.map(({ label, colour: name }) => ({
          label,
          stroke: resolved(name),
          width: 1.5,
          points: { size: 4, fill: resolved(name) },
          spanGaps: true,
        })),
      ],
    },
    [[], ...series.map(() => [])],
    element,
  )
  const observer = new ResizeObserver(() => plot.setSize({ width: Math.max(120, element.clientWidth), height: HEIGHT }))
  observer.observe(element)
  return {
    update: (all) => {
      const columns = series.map((_one, index) => all.map((sample) => valuesOf(sample)[index] ?? null))
      plot.setData([all.map(([at]) => at), ...columns])
    },
    end: () => {
      observer.disconnect()
      plot.destroy()
    },
  }
}

function short(value: number): string {
  return value >= 1_000 ? `${Math.round(value / 100) / 10}k` : String(value)
}

/** A canvas knows no `light-dark()`: the browser says what it comes to here. */
function resolve(element: HTMLElement, value: string): string {
  const probe = element.ownerDocument.createElement('span')
  probe.style.color = value
  element.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
