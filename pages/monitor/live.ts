import { signal } from '@preact/signals'
import type { Sample, ShownCheck, ShownHistory, ShownPipeline } from '../../src/http/wire/monitor.ts'
import { ApiError, ask } from '../frame/api.ts'
import { LiveStream } from '../frame/stream.ts'
import { addBatch, addHistory } from './rows.ts'

/** The pipeline is told every second: without a word for so long something is wrong, in milliseconds. */
const SILENT_MS = 8_000
/** Samples that the plots show, one a second. */
const MOST_SAMPLES = 300

/** How the pipeline is; undefined before it was told. */
export const pipeline = signal<ShownPipeline | undefined>(undefined)
/** What the checks said last. */
export const check = signal<ShownCheck | undefined>(undefined)
/** Of the last five minutes. */
export const samples = signal<readonly Sample[]>([])
/** Whether the page refreshes itself. */
export const isAutomatic = signal(true)
/** Why the last refresh failed; empty when it did not. */
export const refreshProblem = signal('')

/** What passes, live. */
export const stream = new LiveStream(
  'monitor/stream',
  {
    history: addHistory,
    messages: addBatch,
    samples: (all: readonly Sample[]) => {
      samples.value = all
    },
    pipeline: setPipeline,
    check: (one: ShownCheck) => {
      check.value = one
    },
  },
  SILENT_MS,
)

/** Refreshes by itself from now on, or not any more. */
export function setAutomatic(isOn: boolean): void {
  isAutomatic.value = isOn
  refreshProblem.value = ''
  if (isOn) stream.open()
  else stream.pause()
}

/** Loads what there is, once. */
export async function refresh(): Promise<void> {
  try {
    const recent = await ask<{
      history: ShownHistory
      samples: readonly Sample[]
      pipeline: ShownPipeline
      check: ShownCheck | null
    }>('monitor/recent')
    addHistory(recent.history)
    samples.value = recent.samples
    pipeline.value = recent.pipeline
    if (recent.check !== null) check.value = recent.check
    refreshProblem.value = ''
  } catch (error) {
    refreshProblem.value = error instanceof ApiError ? error.message : String(error)
  }
}

function setPipeline(now: ShownPipeline): void {
  pipeline.value = now
  const last = samples.value.at(-1)?.[0] ?? 0
  const newer = now.samples.filter(([at]) => at > last)
  if (newer.length > 0) samples.value = [...samples.value, ...newer].slice(-MOST_SAMPLES)
}
