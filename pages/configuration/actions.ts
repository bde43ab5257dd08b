import { batch } from '@preact/signals'
import type {
  Conflict,
  EditRequest,
  FieldProblem,
  History,
  Opened,
  Overview,
  Problems,
  Told,
} from '../../src/http/wire/configuration.ts'
import { ApiError, ask } from '../frame/api.ts'
import { NO_EDIT, writtenSince } from './draft.ts'
import { focusOn, focusOnFirstProblem } from './focus.ts'
import { conflict, edit, history, historyOf, isBusy, opened, overview, problems, status, unsaved } from './state.ts'

/** A change is in force so soon; then the service is asked what it makes of it, in milliseconds. */
const IN_FORCE_MS = 2_500

const BASE = 'configuration'
const named = (name: string): string => `${BASE}/named/${encodeURIComponent(name)}`
let checks = 0

/** Loads the list and what the service says. */
export async function loadOverview(): Promise<void> {
  overview.value = await ask<Overview>(BASE)
}

/**
 * Puts a configuration into the form, as it is stored.
 *
 * @param kept what of the present edit stays
 */
export async function open(name: string, kept: (now: EditRequest) => EditRequest = () => NO_EDIT): Promise<void> {
  const found = await ask<Opened>(named(name))
  batch(() => {
    opened.value = found
    edit.value = kept(edit.value)
    problems.value = found.problems
    conflict.value = undefined
  })
  if (unsaved.value > 0) await check() // what was found is about what is stored
}

/** Loads the newest changes. */
export async function loadHistory(): Promise<void> {
  const name = historyOf.value
  history.value = await ask<History>(`${BASE}/history${name === '' ? '' : `?name=${encodeURIComponent(name)}`}`)
}

/** Asks what is wrong with the form as it is; silent when nobody answers, because nobody has asked for it. */
export async function check(): Promise<void> {
  const form = opened.value
  if (form === undefined) return
  checks += 1
  const number = checks
  const body = { name: form.name, ...edit.value }
  const found = await ask<Problems>(`${BASE}/check`, { body }).catch(() => undefined) // saving says it again
  if (found !== undefined && number === checks && opened.value === form) problems.value = found.problems
}

/** Saves the form over what it was loaded from. */
export async function save(): Promise<void> {
  const form = opened.value
  if (form === undefined) return
  await act(async () => {
    const sent = edit.value
    const { told } = await ask<Told>(named(form.name), { method: 'PUT', body: { ...sent, revision: form.revision } })
    await open(form.name, (now) => writtenSince(sent, now, form))
    return told
  })
}

/** Somebody else has changed it: keeps what was written here, on top of what is stored now. */
export async function keepMine(): Promise<void> {
  const form = opened.value
  if (form === undefined) return
  await act(async () => {
    await open(form.name, (mine) => mine)
    return ['Your changes stand on top of what is stored now. They are not saved yet.']
  })
}

/** Forgets what was changed in the form. */
export async function discard(): Promise<void> {
  const form = opened.value
  if (form === undefined) return
  await act(async () => {
    await open(form.name)
    return ['Your changes are dropped; the form shows what is stored.']
  })
}

/** Does one thing at a time, and says afterwards what happened. */
export async function act(work: () => Promise<readonly string[]>): Promise<boolean> {
  if (isBusy.value) return false
  isBusy.value = true
  try {
    status.value = { kind: 'ok', lines: await work() }
  } catch (error) {
    tellFailure(error)
    return false
  } finally {
    isBusy.value = false
  }
  focusOn('status')
  await refresh()
  setTimeout(() => void refresh(), IN_FORCE_MS)
  return true
}

async function refresh(): Promise<void> {
  try {
    await Promise.all([loadOverview(), loadHistory()])
  } catch (error) {
    const lines = [...(status.value?.lines ?? []), `The list is not up to date: ${(error as ApiError).message}`]
    status.value = { kind: 'failing', lines }
  }
}

/** Says what went wrong, at the fields where it has a place. */
export function tellFailure(error: unknown): void {
  if (!(error instanceof ApiError)) throw error
  const { body } = error
  const found = body.problems as readonly FieldProblem[] | undefined
  status.value = { kind: 'failing', lines: [error.message] }
  if (Array.isArray(body.differs)) {
    conflict.value = body as unknown as Conflict
    focusOn('conflict')
  } else if (found !== undefined) {
    checks += 1
    problems.value = found
    status.value = { kind: 'failing', lines: [summaryOf(error.message, found)] }
    focusOnFirstProblem()
  } else {
    focusOn('status')
  }
}

// What stands at the fields need not be read twice.
function summaryOf(message: string, found: readonly FieldProblem[]): string {
  const [what = message] = message.split(/: | \(/)
  return `${what}: ${found.length === 1 ? 'one problem' : `${found.length} problems`}, at ${found.length === 1 ? 'its field' : 'their fields'}.`
}
