import { effect, signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { ApiError } from '../frame/api.ts'
import { loadHistory, loadOverview, open, tellFailure } from './actions.ts'
import { Bar } from './bar.tsx'
import { NO_EDIT } from './draft.ts'
import { Editor } from './editor.tsx'
import { HistoryPanel } from './history.tsx'
import { ConfigurationList } from './list.tsx'
import { MachinePanel } from './machine.tsx'
import { Notices } from './notices.tsx'
import { ParkedPanel } from './parked.tsx'
import { goTo, place, watchPlace } from './place.ts'
import { agreed, QuestionDialog } from './question.tsx'
import { edit, opened, overview, unsaved } from './state.ts'

/** Nobody answers again and again: how often it is tried, in milliseconds. */
const AGAIN_MS = 3_000

const trouble = signal('')

/** The page. */
export function ConfigurationPage() {
  useEffect(() => void begin(), [])
  const all = overview.value
  return (
    <>
      <h1>Configuration</h1>
      {trouble.value === '' ? null : (
        <p class="notice failing" role="alert">
          {trouble.value}
        </p>
      )}
      {all === undefined ? null : (
        <>
          <Notices overview={all} />
          <div class="configuration">
            <ConfigurationList overview={all} />
            <div class="content">
              {opened.value === undefined ? null : <Editor form={opened.value} />}
              <HistoryPanel />
              <ParkedPanel />
              <MachinePanel overview={all} />
            </div>
          </div>
        </>
      )}
      <Bar />
      <QuestionDialog />
    </>
  )
}

async function begin(): Promise<void> {
  guardLeaving()
  for (;;) {
    try {
      await Promise.all([loadOverview(), loadHistory()])
      trouble.value = ''
      break
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      trouble.value = error.message
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    }
  }
  const names = overview.value?.configurations ?? []
  if (place.value === '') goTo((names.find((one) => one.enabled) ?? names[0])?.name ?? '')
  effect(() => {
    const name = place.value
    if (name !== '' && opened.peek()?.name !== name) open(name).catch(tellFailure)
  })
}

// What was written and not saved is lost only on purpose.
function guardLeaving(): void {
  addEventListener('beforeunload', (event) => {
    if (unsaved.value > 0) event.preventDefault()
  })
  watchPlace(async (to) => {
    const lines = ['What you have changed here is not saved.']
    const isLeft = unsaved.value === 0 || (await agreed({ title: `Go to "${to}"?`, lines, action: 'Drop my changes' }))
    if (isLeft) edit.value = NO_EDIT
    return isLeft
  })
}
