import { useState } from 'preact/hooks'
import type { Opened } from '../../src/http/wire/configuration.ts'
import { type ApiError, ask } from '../frame/api.ts'
import { tellFailure } from './actions.ts'
import { edit } from './state.ts'

/** What the service said of a form, and how to ask it. */
export interface FormAnswer<T> {
  readonly result: T | undefined
  readonly isRunning: boolean
  /** Why there is no answer; empty when there is one. */
  readonly why: string
  readonly run: () => Promise<void>
}

/**
 * Asks the service about what is in the form, saved or not; problems of settings are shown at their fields.
 *
 * @param path below `/mqtt/api/`
 * @param keepsOld whether the last answer stays while the next one is awaited
 */
export function useFormAnswer<T>(path: string, form: Opened, keepsOld: boolean): FormAnswer<T> {
  const [result, setResult] = useState<T | undefined>(undefined)
  const [isRunning, setRunning] = useState(false)
  const [why, setWhy] = useState('')
  const run = async (): Promise<void> => {
    setRunning(true)
    if (!keepsOld) setResult(undefined)
    setWhy('')
    try {
      setResult(await ask<T>(path, { body: { name: form.name, ...edit.value } }))
    } catch (error) {
      setResult(undefined)
      setWhy((error as ApiError).message)
      if ((error as ApiError).status === 422) tellFailure(error)
    } finally {
      setRunning(false)
    }
  }
  return { result, isRunning, why, run }
}
