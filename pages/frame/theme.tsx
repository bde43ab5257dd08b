import { signal } from '@preact/signals'

const KEY = 'nemo-mqtt-theme'
const THEMES = ['auto', 'light', 'dark'] as const
type Theme = (typeof THEMES)[number]

const theme = signal<Theme>(remembered())
apply(theme.value)

/** Chooses light, dark, or what the system says; remembered in this browser. */
export function ThemeSwitch() {
  return (
    <label class="theme">
      <span class="visually-hidden">Colours</span>
      <select value={theme.value} onChange={(event) => choose(event.currentTarget.value as Theme)}>
        {THEMES.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}

function choose(chosen: Theme): void {
  theme.value = chosen
  apply(chosen)
  try {
    localStorage.setItem(KEY, chosen)
  } catch {
    // a browser that keeps nothing: it applies to this page alone
  }
}

function apply(chosen: Theme): void {
  if (chosen === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = chosen
}

function remembered(): Theme {
  try {
    const found = localStorage.getItem(KEY) as Theme
    return THEMES.includes(found) ? found : 'auto'
  } catch {
    return 'auto' // a browser that keeps nothing
  }
}
