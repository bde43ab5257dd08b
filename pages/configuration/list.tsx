import { useState } from 'preact/hooks'
import type { Overview } from '../../src/http/wire/configuration.ts'
import { isAdmin } from '../frame/page-data.ts'
import { create } from './deeds.ts'
import { addressOf, place } from './place.ts'
import { isBusy } from './state.ts'

/** The stored configurations, and the place to make a new one. */
export function ConfigurationList({ overview: { configurations } }: { overview: Overview }) {
  return (
    <nav class="list" aria-label="Configurations">
      <h2>Configurations</h2>
      {configurations.length === 0 ? <p class="help">None is stored.</p> : null}
      <ul>
        {configurations.map(({ name, enabled, problems }) => (
          <li key={name}>
            <a href={addressOf(name)} aria-current={place.value === name ? 'true' : undefined}>
              <span class="title">{name}</span>
              {enabled ? <span class="badge ok">enabled</span> : null}
              {problems > 0 ? <span class="badge warning">cannot be used</span> : null}
            </a>
          </li>
        ))}
      </ul>
      <Create names={configurations.map(({ name }) => name)} />
    </nav>
  )
}

function Create({ names }: { names: readonly string[] }) {
  const [name, setName] = useState('')
  const [from, setFrom] = useState('')
  const isOff = !isAdmin || isBusy.value
  return (
    <form
      class="create"
      onSubmit={async (event) => {
        event.preventDefault()
        if (await create(name, from)) setName('')
      }}
    >
      <h3>New configuration</h3>
      <label>
        Name
        <input
          value={name}
          disabled={isOff}
          maxLength={100}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label>
        Begin with
        <select value={from} disabled={isOff} onChange={(event) => setFrom(event.currentTarget.value)}>
          <option value="">nothing: all defaults</option>
          {names.map((one) => (
            <option key={one} value={one}>
              a copy of {one}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" disabled={isOff || name === ''}>
        Create
      </button>
    </form>
  )
}
