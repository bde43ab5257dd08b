/** What two lists have in common, in the same order, and what only one of them has. */
export interface Alignment<T> {
  readonly both: readonly T[]
  readonly onlyFirst: readonly T[]
  readonly onlySecond: readonly T[]
}

/** The longest part of the first list that the second has in the same order; of equal ones the earliest. */
export function alignment<T>(
  first: readonly T[],
  second: readonly T[],
  isSame: (one: T, other: T) => boolean,
): Alignment<T> {
  // longest[i][j]: how much the rests of the lists from i and j on have in common.
  const longest = Array.from({ length: first.length + 1 }, () => new Array<number>(second.length + 1).fill(0))
  const at = (i: number, j: number): number => longest[i]?.[j] ?? 0
  const same = (i: number, j: number): boolean => isSame(first[i] as T, second[j] as T)
  for (let i = first.length - 1; i >= 0; i -= 1) {
    for (let j = second.length - 1; j >= 0; j -= 1) {
      const row = longest[i]
      if (row !== undefined) row[j] = same(i, j) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const found = { both: [] as T[], onlyFirst: [] as T[], onlySecond: [] as T[] }
  let [i, j] = [0, 0]
  while (i < first.length || j < second.length) {
    if (i < first.length && j < second.length && same(i, j)) {
      found.both.push(first[i] as T)
      i += 1
      j += 1
    } else if (j >= second.length || (i < first.length && at(i + 1, j) >= at(i, j + 1))) {
      found.onlyFirst.push(first[i] as T)
      i += 1
    } else {
      found.onlySecond.push(second[j] as T)
      j += 1
    }
  }
  return found
}
