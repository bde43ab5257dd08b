/** The name that somebody may have meant: one that is a slip or two away, else one that holds what was written. */
export function nearest<T extends string>(written: string, names: readonly T[]): T | undefined {
  if (written === '') return undefined
  const [best] = names
    .map((name) => ({ name, slips: distance(written, name) }))
    .filter(({ name, slips }) => slips <= Math.max(1, Math.floor(name.length / 4)))
    .sort((a, b) => a.slips - b.slips)
  return best?.name ?? names.find((name) => name.includes(written) || written.includes(name))
}

/** Letters to be added, dropped or changed to make one text of the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, n) => n)
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1]
    for (let j = 0; j < other.length; j += 1) {
      const changed = (row[j] ?? 0) + (letter === other[j] ? 0 : 1)
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[other.length] ?? 0
}
