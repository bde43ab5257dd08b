import { signal } from '@preact/signals'
import type { Box, ShownCheck, ShownPipeline, Trouble } from '../../src/http/wire/monitor.ts'
import { ask } from '../frame/api.ts'
import { isAdmin } from '../frame/page-data.ts'
import { check, pipeline } from './live.ts'
import { Plots } from './plots.tsx'
import { duration, grouped, timeOfDay } from './text.ts'
import { BOX_WORDS } from './words.ts'

const STATE_WORDS = { ok: 'ok', waiting: 'waiting', failing: 'failing' } as const
const ROLE_WORDS = { active: 'active', standby: 'standby, another instance is active', starting: 'starting' } as const

const asking = signal(false)
const problem = signal('')
const isOpen = signal(false)

/** The way from NEMO to the broker: what flows, what waits, and what is wrong. */
export function Pipeline() {
  const now = pipeline.value
  if (now === undefined) return <section class="pipeline" aria-label="Pipeline" aria-busy="true" />
  return (
    <section class="pipeline" aria-label="Pipeline">
      <Summary now={now} />
      <div class="boxes-and-plots">
        <ol class="boxes">
          {now.boxes.map((box) => (
            <BoxView key={box.name} box={box} />
          ))}
        </ol>
        <Plots />
      </div>
      <Troubles boxes={now.boxes} />
      {isOpen.value && check.value !== undefined && <Findings all={check.value} />}
    </section>
  )
}

function Summary({ now }: { now: ShownPipeline }) {
  const { isReady, why, role, configuration, isSigned, broker, prefix } = now
  return (
    <div class="summary">
      <p>
        <strong class={isReady ? 'is-ok' : role === 'standby' ? 'is-waiting' : 'is-failing'}>
          {isReady ? 'Messages flow' : role === 'standby' ? 'Standby' : 'Messages do not flow'}
        </strong>
        {!isReady && why !== '' && `: ${why}`}
      </p>
      <p class="quiet">
        {`This instance is ${ROLE_WORDS[role]} · in force: ${configuration} · topics below ${prefix} at ${broker} · `}
        {isSigned ? 'signed' : 'not signed'}
      </p>
      <span class="check">
        {problem.value !== '' && <span class="problem">{problem.value}</span>}
        <button
          type="button"
          disabled={asking.value || !isAdmin}
          title={isAdmin ? 'Runs nemo-mqtt-check' : 'For admins: log in with the admin password'}
          onClick={() => void checkNow()}
        >
          {asking.value ? 'Checking…' : 'Check now'}
        </button>
        {check.value !== undefined && (
          <button type="button" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>
            {isOpen.value ? 'Hide findings' : 'Show findings'}
          </button>
        )}
      </span>
    </div>
  )
}

function BoxView({ box }: { box: Box }) {
  const { name, state, depth, oldestSeconds, rate } = box
  const words = BOX_WORDS[name]
  const waits = depth === null ? '–' : `${grouped(depth)} ${words.waits}`
  return (
    <li class={`box is-${state}`} data-box={name}>
      <span class="box-name">{words.name}</span>
      <span class="box-state">
        <span class="dot" aria-hidden="true" />
        {STATE_WORDS[state]}
      </span>
      <span class="box-does">{words.does}</span>
      <span class="box-depth">
        {waits}
        {depth !== null && depth > 0 && oldestSeconds !== null && `, oldest ${duration(oldestSeconds * 1_000)}`}
      </span>
      <span class="box-rate">{`${grouped(rate)}/s`}</span>
    </li>
  )
}

function Troubles({ boxes }: { boxes: readonly Box[] }) {
  const all = boxes.flatMap(({ name, troubles }) => troubles.map((trouble) => ({ name, trouble })))
  if (all.length === 0) return null
  return (
    <ul class="troubles">
      {all.map(({ name, trouble }) => (
        <li key={`${name} ${trouble.code} ${trouble.found}`} class={`notice ${levelClass(trouble.level)}`}>
          <strong>{`${BOX_WORDS[name].name}${trouble.code === null ? '' : ` · ${trouble.code}`}`}</strong>
          <Words trouble={trouble} />
        </li>
      ))}
    </ul>
  )
}

function Words({ trouble: { found, why, todo } }: { trouble: Pick<Trouble, 'found' | 'why' | 'todo'> }) {
  return (
    <>
      <span class="found">{found}</span>
      {why !== '' && <span class="quiet">{`Why it matters: ${why}`}</span>}
      {todo !== '' && <span>{`To do: ${todo}`}</span>}
    </>
  )
}

const MARKS = { ok: 'ok', warning: '!', critical: '!!', unknown: '?' } as const

function Findings({ all }: { all: ShownCheck }) {
  return (
    <div class="findings">
      <h2>{`nemo-mqtt-check at ${timeOfDay(all.at)}: ${all.level}, in ${duration(all.durationMs)}`}</h2>
      <ul>
        {all.findings.map((one) => (
          <li key={`${one.code} ${one.found}`} class={`level-${one.level}`}>
            <span class="mark">{MARKS[one.level]}</span>
            <code>{one.code}</code>
            <span class="words">
              {one.found}
              {one.level !== 'ok' && one.because === null && (
                <>
                  <br />
                  <span class="quiet">{`Why it matters: ${one.why}`}</span>
                  {one.todo !== '' && (
                    <>
                      <br />
                      {`To do: ${one.todo}`}
                    </>
                  )}
                </>
              )}
            </span>
          </li>
        ))}
      </ul>
    </div>
  )
}

function levelClass(level: Trouble['level']): string {
  return level === 'critical' ? 'failing' : level === 'warning' ? 'waiting' : ''
}

async function checkNow(): Promise<void> {
  asking.value = true
  problem.value = ''
  try {
    check.value = await ask<ShownCheck>('monitor/check', {})
    isOpen.value = true
  } catch (error) {
    problem.value = (error as Error).message
  } finally {
    asking.value = false
  }
}
