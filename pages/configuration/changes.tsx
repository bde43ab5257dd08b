import type { ComponentChildren } from 'preact'
import type { ChangeLine } from '../../src/http/wire/configuration.ts'

/** What happened to one setting, before and after; of a secret only that something did. */
export function change({ setting, what, before, after }: ChangeLine): ComponentChildren {
  const name = <code>{setting}</code>
  if (before === undefined && after === undefined) return [name, ` ${what}`]
  return [name, ' ', <Value key="before" text={before} />, ' → ', <Value key="after" text={after} />]
}

function Value({ text }: { text: string | undefined }) {
  if (text === undefined) return <em>default</em>
  return text === '' ? <em>empty</em> : <span class="value">{text}</span>
}
