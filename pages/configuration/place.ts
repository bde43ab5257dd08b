import { signal } from '@preact/signals'

/** The configuration that the address names, after `#/`; empty when it names none. */
export const place = signal(read())

/** The address of a configuration. */
export function addressOf(name: string): string {
  return `#/${encodeURIComponent(name)}`
}

/** Goes to a configuration. */
export function goTo(name: string): void {
  if (name === '') globalThis.history.replaceState(null, '', location.pathname)
  else location.hash = addressOf(name)
  place.value = name
}

/** Told when the visitor goes elsewhere; gives whether he may, and brings him back when not. */
export function watchPlace(mayLeave: (to: string) => Promise<boolean>): void {
  addEventListener('hashchange', async () => {
    const to = read()
    if (to === place.value || !location.hash.startsWith('#/')) return
    const from = place.value
    globalThis.history.replaceState(null, '', addressOf(from))
    if (!(await mayLeave(to))) return
    globalThis.history.replaceState(null, '', addressOf(to))
    place.value = to
  })
}

function read(): string {
  if (!location.hash.startsWith('#/')) return ''
  try {
    return decodeURIComponent(location.hash.slice(2))
  } catch {
    return '' // somebody has written half a percent sign
  }
}
