import { useState } from 'preact/hooks'

/** Copies a text to the clipboard, and says whether that succeeded. */
export function CopyButton({ what, text }: { what: string; text: string }) {
  const [said, say] = useState('')
  const copy = async (): Promise<void> => {
    say((await toClipboard(text)) ? 'Copied' : 'Not allowed')
    setTimeout(() => say(''), 2_000)
  }
  return (
    <button type="button" class="copy" onClick={() => void copy()}>
      {said === '' ? `Copy ${what}` : said}
    </button>
  )
}

// Pages that did not come through HTTPS have no clipboard, except on the machine itself.
async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    area.style.position = 'fixed'
    area.style.opacity = '0'
    document.body.append(area)
    area.select()
    const isDone = document.execCommand('copy')
    area.remove()
    return isDone
  }
}
