/** Where the form's fields have their names; see the fields. */
export function fieldId(name: string): string {
  return `setting-${name}`
}

/** Moves the focus once what is to be focused has been drawn. */
export function focusOn(id: string): void {
  requestAnimationFrame(() => setTimeout(() => document.getElementById(id)?.focus()))
}

/** Moves it to the first field that something is wrong with, or to what is said about the whole. */
export function focusOnFirstProblem(): void {
  requestAnimationFrame(() =>
    setTimeout(() => {
      const wrong = document.querySelector<HTMLElement>('main [aria-invalid=true]:enabled, main .problems')
      ;(wrong ?? document.getElementById('status'))?.focus()
    }),
  )
}
