import type { ComponentChildren } from 'preact'
import type { Field, Opened, Value } from '../../src/http/wire/configuration.ts'
import { isAdmin } from '../frame/page-data.ts'
import { check } from './actions.ts'
import { shownValue, touches, withClear, without, withSecret, withValue } from './draft.ts'
import { fieldId } from './focus.ts'
import { Help } from './help.tsx'
import { edit, overview, problems } from './state.ts'

/** What every kind of control is given. */
interface Control {
  readonly id: string
  readonly disabled: boolean
  readonly 'aria-invalid': boolean
  readonly 'aria-describedby': string
  readonly onBlur: () => void
}

/** One setting: its name, its control, what it is for, and what is wrong with it. */
export function FieldRow({ field, form }: { field: Field; form: Opened }) {
  const { name, label, help, fixed } = field
  const wrong = problems.value.filter((problem) => problem.name === name)
  const id = fieldId(name)
  const isChanged = touches(edit.value, name)
  const control: Control = {
    id,
    disabled: fixed !== undefined || !isAdmin,
    'aria-invalid': wrong.length > 0,
    'aria-describedby': `${id}-help${wrong.length > 0 ? ` ${id}-wrong` : ''}`,
    onBlur: () => {
      if (touches(edit.value, name)) void check()
    },
  }
  return (
    <div class={`field${wrong.length > 0 ? ' wrong' : ''}${isChanged ? ' changed' : ''}`}>
      <div class="name">
        <label for={id}>{label}</label> <code>{name}</code>
        {isChanged ? <span class="mark">not saved</span> : null}
      </div>
      <div class="control">
        {fixed === undefined ? controlFor(field, form, control) : <Fixed field={field} form={form} control={control} />}
        {wrong.length === 0 ? null : (
          <p id={`${id}-wrong`} class="problem">
            {wrong.map(({ problem }) => problem).join('; ')}
          </p>
        )}
        <p id={`${id}-help`} class="help">
          <Help text={help} />
          <Limits field={field} />
        </p>
      </div>
    </div>
  )
}

function controlFor(field: Field, form: Opened, control: Control): ComponentChildren {
  switch (field.kind) {
    case 'secret':
      return <Secret field={field} form={form} control={control} />
    case 'boolean':
      return <Check field={field} form={form} control={control} />
    case 'choice':
      return <Choice field={field} form={form} control={control} />
    case 'lines':
      return <Lines field={field} form={form} control={control} />
    case 'text':
    case 'integer':
      return <Text field={field} form={form} control={control} />
  }
}

interface Parts {
  readonly field: Field
  readonly form: Opened
  readonly control: Control
}

function give(form: Opened, field: Field, value: Value): void {
  edit.value = withValue(edit.value, form, field, value)
}

// Numbers too are text: whatever is wrong with what was written, the service says it as it would say it anywhere.
function Text({ field, form, control }: Parts) {
  const { name, kind, fallback } = field
  const isInteger = kind === 'integer'
  return (
    <input
      {...control}
      type="text"
      inputMode={isInteger ? 'numeric' : 'text'}
      class={isInteger ? 'short' : 'long'}
      value={String(shownValue(edit.value, form, name) ?? '')}
      placeholder={String(fallback ?? '')}
      autocomplete="off"
      spellcheck={false}
      onInput={(event) => give(form, field, event.currentTarget.value)}
    />
  )
}

function Lines({ field, form, control }: Parts) {
  const { name, fallback } = field
  const text = String(shownValue(edit.value, form, name) ?? '')
  return (
    <textarea
      {...control}
      class="long"
      rows={Math.min(8, text.split('\n').length + 1)}
      value={text}
      placeholder={String(fallback ?? '')}
      autocomplete="off"
      spellcheck={false}
      onInput={(event) => give(form, field, event.currentTarget.value)}
    />
  )
}

function Check({ field, form, control }: Parts) {
  const value = shownValue(edit.value, form, field.name) ?? field.fallback
  return (
    <input
      {...control}
      type="checkbox"
      checked={String(value) === 'true'}
      onChange={(event) => {
        give(form, field, event.currentTarget.checked)
        void check()
      }}
    />
  )
}

function Choice({ field, form, control }: Parts) {
  const { name, words = [], fallback } = field
  const value = String(shownValue(edit.value, form, name) ?? fallback)
  // What was stored by other means is shown as it is, and not as the first word.
  const all = words.includes(value) ? words : [value, ...words]
  return (
    <select
      {...control}
      value={value}
      onChange={(event) => {
        give(form, field, event.currentTarget.value)
        void check()
      }}
    >
      {all.map((word) => (
        <option key={word} value={word}>
          {word}
        </option>
      ))}
    </select>
  )
}

function Secret({ field: { name, label }, form, control }: Parts) {
  const { set, unset } = edit.value
  const written = typeof set[name] === 'string' ? String(set[name]) : ''
  const isStored = form.secrets.includes(name)
  const isCleared = unset.includes(name)
  const hasKey = overview.value?.hasKey === true
  const state = isCleared ? 'will be cleared' : written !== '' ? 'will be replaced' : isStored ? 'set' : 'not set'
  return (
    <>
      <div class="secret">
        <input
          {...control}
          type="password"
          class="long"
          disabled={control.disabled || !hasKey}
          value={written}
          placeholder={isStored && !isCleared ? 'unchanged' : ''}
          autocomplete="new-password"
          onInput={(event) => {
            edit.value = withSecret(edit.value, name, event.currentTarget.value)
          }}
        />
        <span class="state">{state}</span>
        {isStored && isAdmin ? (
          <button
            type="button"
            aria-label={isCleared ? `Keep ${label}` : `Clear ${label}`}
            onClick={() => {
              edit.value = isCleared ? without(edit.value, name) : withClear(edit.value, name)
              void check()
            }}
          >
            {isCleared ? 'Keep' : 'Clear'}
          </button>
        ) : null}
      </div>
      {hasKey ? null : (
        <p class="help">
          A secret is stored only encrypted, and there is no key for that: set <code>NEMO_MQTT_CONFIG_KEY</code> in the
          environment of the service (<code>openssl rand -base64 32</code> makes one) and start it again, or give this
          secret in the environment.
        </p>
      )}
    </>
  )
}

function Fixed({ field, form, control }: Parts) {
  const { name, kind, fixed } = field
  const isStored = Object.hasOwn(form.values, name) || form.secrets.includes(name)
  return (
    <>
      <input {...control} type="text" class="long" value={kind === 'secret' ? 'set' : (fixed?.value ?? '')} />
      <p class="help">
        Fixed by <code>{fixed?.variable}</code> in the environment of the service
        {isStored ? '; what is stored here is without effect' : ''}.
      </p>
    </>
  )
}

function Limits({ field: { kind, fallback, minimum, maximum } }: { field: Field }) {
  const range = minimum === undefined || maximum === undefined ? '' : `, ${minimum} to ${maximum}`
  const standard = kind === 'secret' || fallback === '' ? '' : `. Default: ${String(fallback)}`
  return (
    <span class="limits">
      {range}
      {standard}
    </span>
  )
}
