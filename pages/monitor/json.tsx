import type { ComponentChildren } from 'preact'
import { visibleLines } from './text.ts'

/** Of a longer text only the beginning gets colours, in characters. */
const COLOURED_CHARACTERS = 20_000

// The text itself is taken apart: JSON.parse would round the digits of large numbers.
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]/g

/** A text as JSON with colours and line breaks; as it is, when it is none. Only ever text nodes. */
export function Json({ text }: { text: string }) {
  if (!isJson(text) || text.length > COLOURED_CHARACTERS) return <pre class="json">{visibleLines(text)}</pre>
  return <pre class="json">{coloured(text)}</pre>
}

function coloured(text: string): ComponentChildren[] {
  const parts: ComponentChildren[] = []
  const tokens = text.match(TOKEN) ?? []
  let depth = 0
  const line = (): void => {
    parts.push(`\n${'  '.repeat(depth)}`)
  }
  tokens.forEach((token, index) => {
    const next = tokens[index + 1]
    if (token === '}' || token === ']') {
      depth -= 1
      if (!isOpening(tokens[index - 1])) line()
      parts.push(token)
    } else if (isOpening(token)) {
      parts.push(token)
      depth += 1
      if (next !== '}' && next !== ']') line()
    } else if (token === ',') {
      parts.push(token)
      line()
    } else if (token === ':') {
      parts.push(': ')
    } else {
      parts.push(
        <span key={index} class={kindOf(token, next)}>
          {visibleLines(token)}
        </span>,
      )
    }
  })
  return parts
}

function isOpening(token: string | undefined): boolean {
  return token === '{' || token === '['
}

function kindOf(token: string, next: string | undefined): string {
  if (token.startsWith('"')) return next === ':' ? 'key' : 'string'
  return /^[tfn]/.test(token) ? 'word' : 'number'
}

function isJson(text: string): boolean {
  try {
    const found: unknown = JSON.parse(text)
    return typeof found === 'object' && found !== null
  } catch {
    return false // another program's own words
  }
}
