import type { Field, Opened } from '../../src/http/wire/configuration.ts'
import { isAdmin } from '../frame/page-data.ts'
import { keepMine, save } from './actions.ts'
import { change } from './changes.tsx'
import { ConnectionTest } from './connection-test.tsx'
import { deleteOne, enable } from './deeds.ts'
import { withClear, without } from './draft.ts'
import { FieldRow } from './fields.tsx'
import { Preview } from './preview.tsx'
import { conflict, edit, isBusy, overview, problems } from './state.ts'

/** The form of one configuration. */
export function Editor({ form }: { form: Opened }) {
  const groups = overview.value?.groups ?? []
  const { name, enabled } = form
  return (
    <section class="editor" aria-labelledby="editor">
      <header>
        <h2 id="editor" tabIndex={-1}>
          {name}
        </h2>
        <span class={`badge ${enabled ? 'ok' : ''}`}>{enabled ? 'enabled' : 'not enabled'}</span>
        <span class="gap" />
        {enabled ? null : (
          <button type="button" disabled={!isAdmin || isBusy.value} onClick={() => void enable(form)}>
            Enable
          </button>
        )}
        <button type="button" class="danger" disabled={!isAdmin || isBusy.value} onClick={() => void deleteOne(form)}>
          Delete
        </button>
      </header>
      <ConflictNotice />
      <OtherProblems fields={groups.flatMap(({ fields }) => fields)} />
      <form
        id="editor-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          void save()
        }}
      >
        {groups.map(({ title, fields }) => (
          <fieldset key={title}>
            <legend>{title}</legend>
            {fields.map((field) => (
              <FieldRow key={`${name} ${field.name}`} field={field} form={form} />
            ))}
          </fieldset>
        ))}
        <Strays form={form} />
      </form>
      <Preview key={`preview ${name}`} form={form} />
      <ConnectionTest key={`test ${name}`} form={form} />
    </section>
  )
}

/** What is wrong and has no field here: the environment, or what was stored by other means. */
function OtherProblems({ fields }: { fields: readonly Field[] }) {
  const others = problems.value.filter(({ name }) => !fields.some((field) => field.name === name))
  if (others.length === 0) return null
  return (
    <div class="notice failing problems" tabIndex={-1}>
      <p>This configuration cannot be used:</p>
      <ul>
        {others.map(({ called, problem }) => (
          <li key={`${called} ${problem}`}>
            {called}: {problem}
          </li>
        ))}
      </ul>
    </div>
  )
}

function Strays({ form: { strays } }: { form: Opened }) {
  if (strays.length === 0) return null
  const { unset } = edit.value
  return (
    <fieldset>
      <legend>Stored, and no use</legend>
      <ul class="strays">
        {strays.map((name) => (
          <li key={name}>
            <code>{name}</code>{' '}
            <button
              type="button"
              disabled={!isAdmin}
              onClick={() => {
                edit.value = unset.includes(name) ? without(edit.value, name) : withClear(edit.value, name)
              }}
            >
              {unset.includes(name) ? 'Keep' : 'Take out'}
            </button>
          </li>
        ))}
      </ul>
    </fieldset>
  )
}

function ConflictNotice() {
  const found = conflict.value
  if (found === undefined) return null
  return (
    <div id="conflict" class="notice failing" tabIndex={-1}>
      <p>
        Nothing was saved: {found.by.map(({ who, at }) => `${who} (${new Date(at).toLocaleString()})`).join(', ')} has
        changed this configuration since you opened it. What is different now:
      </p>
      <ul>
        {found.differs.map((line) => (
          <li key={line.setting}>{change(line)}</li>
        ))}
      </ul>
      <p class="buttons">
        <button type="button" disabled={isBusy.value} onClick={() => void keepMine()}>
          Load it and keep my changes on top
        </button>
      </p>
    </div>
  )
}
