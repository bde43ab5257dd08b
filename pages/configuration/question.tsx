import { signal } from '@preact/signals'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

/** Something that a person has to agree to. */
export interface Question {
  readonly title: string
  readonly lines: readonly string[]
  /** What the button says that does it. */
  readonly action: string
  /** What must be typed first. */
  readonly typed?: string
}

interface Asked extends Question {
  readonly answer: (isAgreed: boolean) => void
}

const asked = signal<Asked | undefined>(undefined)

/** Puts a question to the visitor; false when he does not want it. */
export async function agreed(question: Question): Promise<boolean> {
  asked.value?.answer(false)
  return await new Promise((resolve) => {
    const answer = (isAgreed: boolean): void => {
      asked.value = undefined
      resolve(isAgreed)
    }
    asked.value = { ...question, answer }
  })
}

/** Draws the question, if there is one. */
export function QuestionDialog() {
  return asked.value === undefined ? null : <Dialog key={asked.value.title} asked={asked.value} />
}

function Dialog({ asked: { title, lines, action, typed, answer } }: { asked: Asked }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [written, setWritten] = useState('')
  useLayoutEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} aria-labelledby="question" onClose={() => answer(false)}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault()
          answer(true)
        }}
      >
        <h2 id="question">{title}</h2>
        {lines.map((line) => (
          <p key={line}>{line}</p>
        ))}
        {typed === undefined ? null : (
          <label class="typed">
            <span>
              Type <strong>{typed}</strong> to go on
            </span>
            <input
              value={written}
              autocomplete="off"
              spellcheck={false}
              onInput={(event) => setWritten(event.currentTarget.value)}
            />
          </label>
        )}
        <div class="buttons">
          <button type="button" onClick={() => answer(false)}>
            Cancel
          </button>
          <button type="submit" class="danger" disabled={typed !== undefined && written !== typed}>
            {action}
          </button>
        </div>
      </form>
    </dialog>
  )
}
