/** A list that is bounded in items and in characters; the oldest go first. */
export class Bounded<T> {
  readonly #most: number
  readonly #mostCharacters: number
  #items: Array<{ readonly item: T; readonly characters: number } | undefined> = []
  /** Where the oldest stands: what is before it is gone, and is cut off now and then. */
  #start = 0
  #characters = 0

  constructor(most: number, mostCharacters: number) {
    this.#most = most
    this.#mostCharacters = mostCharacters
  }

  get size(): number {
    return this.#items.length - this.#start
  }

  /** Of all items together, as they were said to be. */
  get characters(): number {
    return this.#characters
  }

  /** Adds the newest. One that is longer than the bound alone pushes out everything, itself included. */
  push(item: T, characters: number): void {
    this.#items.push({ item, characters })
    this.#characters += characters
    while (this.size > this.#most || this.#characters > this.#mostCharacters) {
      this.#characters -= this.#items[this.#start]?.characters ?? 0
      this.#items[this.#start] = undefined
      this.#start += 1
    }
    if (this.#start > 2 * this.#most) {
      this.#items = this.#items.slice(this.#start)
      this.#start = 0
    }
  }

  /** The newest for which this holds without a gap, at most so many, oldest first. */
  newestWhile(holds: (item: T) => boolean, most = Number.POSITIVE_INFINITY): T[] {
    const found: T[] = []
    for (let index = this.#items.length - 1; index >= this.#start && found.length < most; index -= 1) {
      const one = this.#items[index]
      if (one === undefined || !holds(one.item)) break
      found.push(one.item)
    }
    return found.reverse()
  }

  /** All, oldest first. */
  all(): T[] {
    return this.newestWhile(() => true)
  }

  find(is: (item: T) => boolean): T | undefined {
    return this.all().find(is)
  }
}
