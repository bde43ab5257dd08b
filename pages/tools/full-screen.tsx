import { signal } from '@preact/signals'

const isFull = signal(document.fullscreenElement !== null)
document.addEventListener('fullscreenchange', () => {
  isFull.value = document.fullscreenElement !== null
})

/** Fills the screen on a press; gone once it is full (Escape leads back). */
export function FullScreen() {
  if (isFull.value || !document.fullscreenEnabled) return null
  return (
    <button type="button" class="full-screen" onClick={() => void enter()}>
      Full screen
    </button>
  )
}

async function enter(): Promise<void> {
  try {
    await document.documentElement.requestFullscreen()
    await navigator.wakeLock?.request('screen') // only where the page came over https, or from this machine
  } catch {
    // the browser does not want to: the page works all the same
  }
}
