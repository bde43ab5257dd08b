/** What may happen to a row, as rules name it. */
export const MOMENTS = { inserted: 'INSERT', updated: 'UPDATE', deleted: 'DELETE' } as const

/** One thing that a column must fulfil; several in one object must all hold. */
export interface Test {
  /** The value, as JSON has it. */
  readonly equals?: unknown
  readonly in?: readonly unknown[]
  /** Whether it differs from before, as standard events compare: to the second, and NULL like empty text. */
  readonly changed?: boolean
  readonly changed_to?: unknown
}

/** A message that a laboratory wants when something happens to a row. */
export interface Rule {
  readonly table: string
  readonly when: keyof typeof MOMENTS
  /** By column; all must hold. */
  readonly condition: ReadonlyMap<string, Test>
  /** Below the prefix, with placeholders. */
  readonly topic: string
  /** JSON with placeholders in its texts. */
  readonly payload: unknown
}
