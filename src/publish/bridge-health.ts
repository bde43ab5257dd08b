import type { Health } from '../health.ts'

/** A link that comes back, or ends again, within this time is not worth a word, in milliseconds. */
const LINK_GRACE_MS = 1_000

/** What there is to say about the bridge; of several the first counts. */
export interface BridgeFindings {
  /** Why nothing, or not everything, can be delivered although broker and Redis are there. */
  readonly trouble: { readonly why: string; readonly todo?: string } | undefined
  readonly hasLink: boolean
}

/** Says how the bridge is, once a change and not at every turn of a link that does not last. */
export class BridgeHealth {
  readonly #health: Health
  #linkSeenAt = Number.NEGATIVE_INFINITY
  #noLinkSeenAt = Number.NEGATIVE_INFINITY

  constructor(health: Health) {
    this.#health = health
  }

  /** To be called at each turn. */
  tell({ trouble, hasLink }: BridgeFindings): void {
    const now = performance.now()
    if (hasLink) this.#linkSeenAt = now
    else this.#noLinkSeenAt = now
    const isSteady = this.#health.of('broker').state === 'ok' || now - this.#noLinkSeenAt > LINK_GRACE_MS
    if (trouble !== undefined) this.#health.failing('bridge', trouble.why, trouble.todo)
    else if (hasLink && isSteady) this.#health.ok('bridge', 'messages can flow')
    else if (!hasLink && now - this.#linkSeenAt > LINK_GRACE_MS)
      this.#health.waiting('bridge', 'waiting for the broker; what comes stays in Redis and PostgreSQL')
  }
}
