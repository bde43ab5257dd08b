import { useEffect, useState } from 'preact/hooks'
import type { ShownColumn, ShownTrace, ShownWay } from '../../src/http/wire/monitor.ts'
import { ask } from '../frame/api.ts'
import { duration, visible } from './text.ts'

/** Somebody who goes through the list by keys does not ask for each row, in milliseconds. */
const WAIT_MS = 150

type Asked =
  | { readonly is: 'asking' }
  | { readonly is: 'known'; readonly trace: ShownTrace }
  | { readonly is: 'problem'; readonly why: string }

/** Where a message comes from: the change in NEMO, the rule, and the way with its times. */
export function Trace({ change }: { change: string }) {
  const [asked, setAsked] = useState<Asked>({ is: 'asking' })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    let isWanted = true
    const load = async (): Promise<void> => {
      try {
        const trace = await ask<ShownTrace>(`monitor/changes/${change}`)
        if (isWanted) setAsked({ is: 'known', trace })
      } catch (error) {
        if (isWanted) setAsked({ is: 'problem', why: (error as Error).message })
      }
    }
    const timer = setTimeout(() => void load(), turn === 0 ? WAIT_MS : 0)
    return () => {
      isWanted = false
      clearTimeout(timer)
    }
  }, [change, turn])
  return (
    <div class="trace">
      <div class="details-head">
        <h3>Where it comes from</h3>
        <button type="button" onClick={() => setTurn(turn + 1)}>
          Look again
        </button>
      </div>
      {asked.is === 'asking' && <p class="hint">Asking…</p>}
      {asked.is === 'problem' && <p class="notice failing">{asked.why}</p>}
      {asked.is === 'known' && <Known trace={asked.trace} />}
    </div>
  )
}

function Known({ trace }: { trace: ShownTrace }) {
  const { change, table, row, operation, at, rule, messages, columns, silent, notes } = trace
  return (
    <>
      <p class="origin">
        {`Change ${change}`}
        {table !== null && `: ${operation ?? 'a change'} of ${table}${row === null ? '' : ` ${row}`}`}
        {at !== null && ` at ${at}`}
        {rule !== null && `, by the rule ${rule}`}
      </p>
      {silent !== null && <p class="notice">{`It became no message: ${silent}`}</p>}
      {messages.map((way) => (
        <Way key={way.index} way={way} trace={trace} />
      ))}
      {notes.map((note) => (
        <p key={note} class="hint">
          {visible(note)}
        </p>
      ))}
      {columns.length > 0 && <Columns columns={columns} />}
    </>
  )
}

const OUTCOMES: Readonly<Record<ShownWay['outcome'], string>> = {
  'under way': 'is under way',
  delivered: 'was acknowledged by the broker',
  unheard: 'was acknowledged with 0x10: the broker has it, and nobody is subscribed to it',
  parked: 'was parked',
}

function Way({ way, trace }: { way: ShownWay; trace: ShownTrace }) {
  const { event, meaning, topic, outcome, why, attempts, queuedAt, takenAt, sentAt, answeredAt } = way
  const steps = [
    { name: 'written in NEMO', until: trace.atMs },
    { name: 'read by the listener', until: trace.readAt },
    { name: 'queued in Redis', until: queuedAt },
    { name: 'taken by the bridge', until: takenAt },
    { name: 'sent', until: sentAt },
    { name: outcome === 'parked' ? 'parked' : 'acknowledged', until: answeredAt },
  ]
  const known = steps.filter((step): step is { name: string; until: number } => step.until !== null)
  const spans = known
    .slice(1)
    .map(({ name, until }, index) => ({ name, ms: Math.max(0, until - (known[index]?.until ?? until)) }))
  const total = spans.reduce((sum, { ms }) => sum + ms, 0)
  return (
    <div class="way">
      <p>
        <strong>{visible(event ?? 'a message')}</strong>
        {meaning !== null && ` (${meaning})`}
        {topic !== null && ` on ${visible(topic)}`}
        {` ${OUTCOMES[outcome]}`}
        {attempts > 1 && ` after ${attempts} attempts`}
        {why !== null && `: ${visible(why)}`}
      </p>
      {spans.length > 0 && (
        <>
          <div class="bar" aria-hidden="true">
            {spans.map(({ name, ms }, index) => (
              <span key={name} class={`part-${index}`} style={{ flexGrow: Math.max(ms, total / 50, 0.001) }} />
            ))}
          </div>
          <ol class="steps">
            {spans.map(({ name, ms }, index) => (
              <li key={name}>
                <span class={`swatch part-${index}`} aria-hidden="true" />
                {`${name}: `}
                <b>{duration(ms)}</b>
              </li>
            ))}
            <li>
              {'all: '}
              <b>{duration(total)}</b>
            </li>
          </ol>
        </>
      )}
    </div>
  )
}

function Columns({ columns }: { columns: readonly ShownColumn[] }) {
  const differ = columns.filter(({ differs }) => differs)
  const same = columns.length - differ.length
  const [isAll, setAll] = useState(false)
  return (
    <>
      <table class="columns">
        <caption>
          {differ.length === 0
            ? 'No column differs'
            : `${differ.length === 1 ? 'This column differs' : `These ${differ.length} columns differ`}`}
        </caption>
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {(isAll ? columns : differ).map(({ name, old, new: now, differs }) => (
            <tr key={name} class={differs ? 'differs' : ''}>
              <th scope="row">{name}</th>
              <td>{old === null ? '–' : visible(old)}</td>
              <td>{now === null ? '–' : visible(now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {same > 0 && (
        <button type="button" aria-expanded={isAll} onClick={() => setAll(!isAll)}>
          {isAll ? 'Only what differs' : `And ${same} that do not`}
        </button>
      )}
    </>
  )
}
