import { signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import type { ParkedChoice, ParkedDetail, ParkedLine, ParkedList, Told } from '../../src/http/wire/configuration.ts'
import { type ApiError, ask } from '../frame/api.ts'
import { isAdmin } from '../frame/page-data.ts'
import { act } from './actions.ts'
import { agreed } from './question.tsx'
import { isBusy } from './state.ts'

/** A letter more in the filter is waited for, in milliseconds. */
const TYPING_MS = 300

const found = signal<ParkedList | undefined>(undefined)
const trouble = signal('')
const reason = signal('')
let timer: number | undefined

/** Loads the parked messages that the filter leaves. */
export async function loadParked(): Promise<void> {
  try {
    const wanted = reason.value
    const list = await ask<ParkedList>(`parked${wanted === '' ? '' : `?reason=${encodeURIComponent(wanted)}`}`)
    if (wanted !== reason.value) return
    found.value = list
    trouble.value = ''
  } catch (error) {
    trouble.value = (error as ApiError).message
  }
}

/** Messages that could not be published. */
export function ParkedPanel() {
  useEffect(() => void loadParked(), [])
  const list = found.value
  const isOff = !isAdmin || isBusy.value
  return (
    <section class="panel" aria-labelledby="parked">
      <header>
        <h2 id="parked">Parked messages</h2>
        {list === undefined ? null : <span class={`badge ${list.total > 0 ? 'warning' : 'ok'}`}>{list.total}</span>}
      </header>
      <p class="help">
        Messages that the broker refuses for good, or that cannot be read. When the cause is gone, try them again: they
        go behind everything that waits, under their old <code>event_id</code>.
      </p>
      {trouble.value === '' ? null : <p class="notice failing">{trouble.value}</p>}
      {list === undefined || list.total === 0 ? (
        <p class="help">{list === undefined ? '' : 'No messages are parked.'}</p>
      ) : (
        <>
          <div class="filter">
            <label>
              Only those whose reason holds{' '}
              <input value={reason.value} maxLength={200} onInput={(event) => filter(event.currentTarget.value)} />
            </label>
            <button type="button" disabled={isOff || list.upTo === null} onClick={() => void retryAll(list)}>
              Retry all {list.matching}
            </button>
            <button
              type="button"
              class="danger"
              disabled={isOff || list.upTo === null}
              onClick={() => void dropAll(list)}
            >
              Drop all {list.matching}
            </button>
          </div>
          <ul class="parked">
            {list.lines.map((line) => (
              <Parked key={line.number} line={line} isOff={isOff} />
            ))}
          </ul>
          {list.matching > list.lines.length ? (
            <p class="help">
              The oldest {list.lines.length} of {list.matching}.
            </p>
          ) : null}
        </>
      )}
    </section>
  )
}

function Parked({ line, isOff }: { line: ParkedLine; isOff: boolean }) {
  const { number, topic, reason: why, attempts, time } = line
  return (
    <li>
      <div class="what">
        <strong class="topic">{topic ?? '(unreadable)'}</strong>
        <div>{why}</div>
        <div class="quiet">
          {attempts === 1 ? '1 attempt' : `${attempts} attempts`},{' '}
          {Number.isNaN(Date.parse(time)) ? time : <time dateTime={time}>{new Date(time).toLocaleString()}</time>}
        </div>
        <Payload number={number} />
      </div>
      <div class="buttons">
        <button
          type="button"
          disabled={isOff || topic === null}
          aria-label={`Retry message ${number}`}
          onClick={() => void doIt('retry', { number })}
        >
          Retry
        </button>
        <button
          type="button"
          class="danger"
          disabled={isOff}
          aria-label={`Drop message ${number}`}
          onClick={() => void drop(line)}
        >
          Drop
        </button>
      </div>
    </li>
  )
}

/** What the message says, loaded when somebody wants to see it. */
function Payload({ number }: { number: string }) {
  const [detail, setDetail] = useState<ParkedDetail | undefined>(undefined)
  const [why, setWhy] = useState('')
  const load = async (): Promise<void> => {
    try {
      setDetail(await ask<ParkedDetail>(`parked/${number}`))
    } catch (error) {
      setWhy((error as ApiError).message)
    }
  }
  return (
    <details
      onToggle={(event) => {
        if (event.currentTarget.open && detail === undefined) void load()
      }}
    >
      <summary>
        Payload<span class="visually-hidden"> of message {number}</span>
      </summary>
      {why === '' ? null : <p class="notice failing">{why}</p>}
      {detail === undefined ? null : <pre>{detail.text}</pre>}
      {detail === undefined || detail.cut === 0 ? null : <p class="help">{detail.cut} further characters.</p>}
    </details>
  )
}

function filter(text: string): void {
  reason.value = text
  clearTimeout(timer)
  timer = window.setTimeout(() => void loadParked(), TYPING_MS)
}

async function drop({ number, topic }: ParkedLine): Promise<void> {
  const question = {
    title: `Drop the message on ${topic ?? 'an unreadable topic'}?`,
    lines: ['Nobody will ever get it.'],
  }
  if (await agreed({ ...question, action: 'Drop' })) await doIt('drop', { number })
}

async function retryAll({ matching, upTo }: ParkedList): Promise<void> {
  if (upTo === null) return
  const question = { title: `Retry ${matching} messages?`, lines: ['They go behind everything that waits.'] }
  if (await agreed({ ...question, action: 'Retry all' })) await doIt('retry', { upTo, ...filtered() })
}

async function dropAll({ matching, upTo }: ParkedList): Promise<void> {
  if (upTo === null) return
  const question = { title: `Drop ${matching} messages?`, lines: ['Nobody will ever get them.'] }
  if (await agreed({ ...question, action: 'Drop all' })) await doIt('drop', { upTo, ...filtered() })
}

function filtered(): { reason?: string } {
  return reason.value === '' ? {} : { reason: reason.value }
}

async function doIt(what: 'retry' | 'drop', body: ParkedChoice): Promise<void> {
  await act(async () => (await ask<Told>(`parked/${what}`, { body })).told)
  await loadParked()
}
