import { lastWord, notLive } from './laboratory.ts'
import { secondOf } from './when.ts'

/** Says so when what is shown is not live, and of when it is. */
export function NotLive() {
  const why = notLive.value
  const word = lastWord.value
  return (
    <div role="status" class="liveness">
      {why !== null && (
        <p class="notice failing">
          <strong>Not live.</strong> {why} {word !== undefined && `Last word: ${secondOf(word)}.`}
        </p>
      )}
      {why === null && word === undefined && <p class="notice">Reading how the tools are …</p>}
    </div>
  )
}
