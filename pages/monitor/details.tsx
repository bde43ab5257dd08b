import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { ShownMessage, WholeMessage } from '../../src/http/wire/monitor.ts'
import { ask } from '../frame/api.ts'
import { CopyButton } from './copy.tsx'
import { Json } from './json.tsx'
import { selected } from './list.tsx'
import { grouped, visible, wholeTime } from './text.ts'
import { Trace } from './trace.tsx'
import { fromWords, KIND_WORDS, pubackWords, signatureWords } from './words.ts'

type Whole =
  | { readonly is: 'cut' | 'loading' }
  | { readonly is: 'whole'; readonly message: WholeMessage }
  | { readonly is: 'problem'; readonly why: string }

const whole = signal<Whole>({ is: 'cut' })

/** Everything about the chosen row. */
export function Details({ onClose }: { onClose: () => void }) {
  const row = selected.value
  useEffect(() => {
    whole.value = { is: 'cut' }
  }, [row?.key])
  if (row === undefined) {
    return (
      <section class="details" aria-label="Details">
        <p class="hint">
          Choose a message to see all of it, and the way that it took: from the change in NEMO to the answer of the
          broker.
        </p>
      </section>
    )
  }
  const { message, run } = row
  return (
    <section
      class="details"
      aria-label="Details"
      tabIndex={-1}
      id="details"
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
    >
      <div class="details-head">
        <h2 class="topic">{visible(message.topic ?? message.row ?? 'an entry that cannot be read')}</h2>
        <span class="buttons">
          {message.topic !== null && <CopyButton what="topic" text={message.topic} />}
          <button type="button" class="close" onClick={onClose}>
            Close
          </button>
        </span>
      </div>
      <Facts message={message} />
      {message.why !== null && (
        <p class={`notice ${message.kind === 'parked' ? 'failing' : ''}`}>{visible(message.why)}</p>
      )}
      {message.payload !== null && <Payload message={message} run={run} />}
      {message.change !== null && <Trace key={message.change} change={message.change} />}
    </section>
  )
}

function Facts({ message }: { message: ShownMessage }) {
  const { kind, at, event, eventId, change, signature, attempts, reasonCode, bytes, retain, from } = message
  const isSent = kind === 'mqtt' || kind === 'pulse'
  return (
    <dl class="facts">
      <Fact name="Source">{`${KIND_WORDS[kind].name}: ${KIND_WORDS[kind].meaning}`}</Fact>
      <Fact name="Time">{wholeTime(at)}</Fact>
      {from !== null && <Fact name="Queued by">{fromWords(from)}</Fact>}
      {kind !== 'silent' && kind !== 'parked' && <Fact name="Signature">{signatureWords(signature)}</Fact>}
      {isSent && <Fact name="Broker">{pubackWords(reasonCode)}</Fact>}
      {isSent && <Fact name="Attempts">{String(attempts)}</Fact>}
      {event !== null && <Fact name="Event">{visible(event)}</Fact>}
      {eventId !== null && <Fact name="event_id">{visible(eventId)}</Fact>}
      {change !== null && <Fact name="Change">{change}</Fact>}
      {kind !== 'silent' && (
        <Fact name="Sent as">{`QoS 1, ${retain ? 'retained' : 'not retained'}, ${grouped(bytes)} bytes`}</Fact>
      )}
    </dl>
  )
}

function Fact({ name, children }: { name: string; children: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Payload({ message, run }: { message: ShownMessage; run: string }) {
  const { payload, characters, hmac } = message
  const shown = whole.value.is === 'whole' ? (whole.value.message.payload ?? '') : (payload ?? '')
  const isCut = shown.length < characters
  // The very text on the wire: an envelope is written in this one way only (see Signature in the README).
  const envelope =
    hmac === null ? undefined : (wireOf(whole.value) ?? JSON.stringify({ payload: shown, hmac, algo: 'sha256' }))
  return (
    <>
      <div class="details-head">
        <h3>Payload</h3>
        <CopyButton what="payload" text={shown} />
      </div>
      {isCut && (
        <p class="notice waiting">
          {`The first ${grouped(shown.length)} of ${grouped(characters)} characters. `}
          {whole.value.is === 'problem' && `The rest cannot be had: ${whole.value.why} `}
          {whole.value.is !== 'whole' && (
            <button type="button" disabled={whole.value.is === 'loading'} onClick={() => void load(run, message.id)}>
              Load all of it
            </button>
          )}
        </p>
      )}
      <Json text={shown} />
      {envelope !== undefined && !isCut && (
        <details>
          <summary>Envelope, as it was on the wire</summary>
          <CopyButton what="envelope" text={envelope} />
          <Json text={envelope} />
        </details>
      )}
    </>
  )
}

function wireOf(one: Whole): string | null {
  return one.is === 'whole' ? one.message.wire : null
}

async function load(run: string, id: number): Promise<void> {
  whole.value = { is: 'loading' }
  const key = selected.value?.key
  try {
    const message = await ask<WholeMessage>(`monitor/messages/${run}/${id}`)
    if (selected.value?.key === key) whole.value = { is: 'whole', message }
  } catch (error) {
    if (selected.value?.key === key) whole.value = { is: 'problem', why: (error as Error).message }
  }
}
