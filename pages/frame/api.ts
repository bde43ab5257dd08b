import { pageData } from './page-data.ts'

/** Whoever does not answer within this time is said to be silent, in milliseconds. */
const ANSWER_MS = 10_000

/** Thrown when the service did not answer as it should; the message is for people. */
export class ApiError extends Error {
  readonly status: number
  /** What the answer holds beside the message, such as problems by setting. */
  readonly body: Readonly<Record<string, unknown>>

  constructor(message: string, status = 0, body: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.status = status
    this.body = body
  }
}

/**
 * Asks the service.
 *
 * @param path below `/mqtt/api/`
 * @param change what to send; without it something is only asked for
 * @throws ApiError in whatever way the answer is wrong: a login page, a proxy's error, no JSON, or silence
 */
export async function ask<T>(
  path: string,
  change?: { method?: 'POST' | 'PUT' | 'DELETE'; body?: unknown },
): Promise<T> {
  const response = await send(path, change)
  const text = await response.text().catch(() => '')
  const type = response.headers.get('content-type') ?? ''
  if (response.redirected || (response.status === 401 && type.startsWith('text/'))) {
    throw new ApiError('You are not logged in any more: load this page again.', 401)
  }
  const body = type.startsWith('application/json') ? parsed(text) : undefined
  if (body === undefined) throw new ApiError(wordsFor(response.status, type, text), response.status)
  if (response.ok) return body as T
  const { error, todo } = body as { error?: string; todo?: string }
  throw new ApiError(
    [error ?? `The service answered ${response.status}`, todo].filter(Boolean).join('. Try: '),
    response.status,
    body as Record<string, unknown>,
  )
}

async function send(path: string, change?: { method?: string; body?: unknown }): Promise<Response> {
  const url = `${pageData.prefix}/mqtt/api/${path}`
  try {
    return await fetch(url, {
      ...(change === undefined
        ? {}
        : {
            method: change.method ?? 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(change.body ?? {}),
          }),
      signal: AbortSignal.timeout(ANSWER_MS),
      cache: 'no-store',
    })
  } catch (error) {
    const isSilent = (error as Error).name === 'TimeoutError'
    throw new ApiError(isSilent ? `No answer within ${ANSWER_MS / 1_000} s.` : 'The service cannot be reached.')
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // the caller says what came instead
  }
}

function wordsFor(status: number, type: string, text: string): string {
  if (type.startsWith('text/plain') && text.length < 300) return text.trim()
  if (status >= 500) return `A proxy in front of the service answered ${status}: is the service running?`
  return `The answer is no answer of this service (${status}, ${type || 'no type'}): is a proxy or a login in between?`
}
