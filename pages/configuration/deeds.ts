import type { Opened, Told } from '../../src/http/wire/configuration.ts'
import { ask } from '../frame/api.ts'
import { act, open } from './actions.ts'
import { NO_EDIT } from './draft.ts'
import { goTo } from './place.ts'
import { agreed } from './question.tsx'
import { edit, opened, overview, unsaved } from './state.ts'

const BASE = 'configuration'
const named = (name: string): string => `${BASE}/named/${encodeURIComponent(name)}`

/** Puts a configuration in force. */
export async function enable({ name }: Opened): Promise<void> {
  const inForce = overview.value?.configurations.find((one) => one.enabled)?.name
  const lines = [
    inForce === undefined ? '' : `"${inForce}" is no longer in force then.`,
    overview.value?.isInUse === false
      ? 'So far the environment alone counts. From now on one configuration must be enabled, or nothing is sent.'
      : '',
    unsaved.value > 0 ? 'What you have changed and not saved is not part of it.' : '',
    'It is in force within 2 s, without a restart.',
  ].filter((line) => line !== '')
  if (!(await agreed({ title: `Enable "${name}"?`, lines, action: 'Enable' }))) return
  await act(async () => {
    const { told } = await ask<Told>(`${named(name)}/enable`, { body: {} })
    await open(name, (mine) => mine)
    return told
  })
}

/** Deletes one; the enabled one only after its name was typed. */
export async function deleteOne({ name, enabled }: Opened): Promise<void> {
  const question = enabled
    ? {
        title: `Delete "${name}", which is enabled?`,
        lines: ['Without it the service stops sending, and changes wait in PostgreSQL, until one is enabled.'],
        typed: name,
      }
    : { title: `Delete "${name}"?`, lines: ['The history can bring it back.'] }
  if (!(await agreed({ ...question, action: 'Delete' }))) return
  await act(async () => {
    const body = enabled ? { confirm: name } : {}
    const { told } = await ask<Told>(named(name), { method: 'DELETE', body })
    edit.value = NO_EDIT
    opened.value = undefined
    goTo(overview.value?.configurations.find((one) => one.name !== name)?.name ?? '')
    return told
  })
}

/** Stores a new one and opens it. */
export async function create(name: string, from: string): Promise<boolean> {
  const lines = ['What you have changed in this one is not saved, and is no part of a copy.']
  if (unsaved.value > 0 && !(await agreed({ title: `Go to "${name}"?`, lines, action: 'Drop my changes' })))
    return false
  return await act(async () => {
    const { told } = await ask<Told>(BASE, { body: { name, ...(from === '' ? {} : { from }) } })
    goTo(name)
    return told
  })
}

/** Takes a change of the history back. */
export async function undo(id: string, name: string): Promise<void> {
  const lines = [
    `"${name}" is then what it was before this change: later changes of it go too.`,
    'Taking back is a change as well, so that it can be taken back.',
  ]
  if (!(await agreed({ title: `Take change ${id} back?`, lines, action: 'Take back' }))) return
  await act(async () => {
    const { told } = await ask<Told>(`${BASE}/history/${id}/undo`, { body: {} })
    const form = opened.value
    if (form !== undefined && unsaved.value === 0) {
      await open(form.name).catch(() => {
        opened.value = undefined // it is this one that is not there any more
      })
    } else if (form === undefined) goTo(name)
    return told
  })
}
