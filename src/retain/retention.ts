import type { Pool } from 'pg'
import type { LiveSettings } from '../config/live.ts'
import { readInstallation } from '../db/installation.ts'
import type { Health } from '../health.ts'
import type { Log } from '../log.ts'
import type { Broker } from '../publish/broker.ts'
import type { Link } from '../publish/link.ts'
import type { StateWatch } from '../state/state-watch.ts'
import type { Delivery, Traffic } from '../traffic.ts'
import { Wake } from '../wake.ts'
import { discoveryTopics } from './home-assistant.ts'
import { RetainedTopics } from './retained-topics.ts'
import { StateTopics } from './state-topics.ts'

/** What comes within this time is told together, in milliseconds: a state follows the event that tells why. */
const TOGETHER_MS = 60
const ASLEEP_MS = 60_000
/** Entities whose last event is known; the oldest are forgotten beyond this. */
const MOST_ENTITIES = 20_000

/** What {@link Retention} works with. */
export interface RetentionParts {
  readonly states: StateWatch
  readonly broker: Broker
  readonly pool: Pool
  readonly live: LiveSettings
  readonly traffic: Traffic
  readonly health: Health
  /** Resolves while this is the active instance. */
  readonly confirm: (signal: AbortSignal) => Promise<void>
  readonly log: Log
}

/**
 * Decides which messages of ours are retained: states of tools and areas, devices for Home Assistant, words for displays,
 * or none, as the settings of the moment say. {@link RetainedTopics} makes it so.
 */
export class Retention {
  readonly #parts: RetentionParts
  readonly #topics: RetainedTopics
  readonly #wake = new Wake()
  readonly #lastEvents = new Map<string, string>()
  readonly #listening = new WeakSet<Link>()
  readonly #states = new StateTopics()

  constructor(parts: RetentionParts) {
    this.#parts = parts
    this.#topics = new RetainedTopics({ ...parts, onLink: (link) => this.#listen(link) })
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { pool, health } = this.#parts
    const installation = await readInstallation(pool, health, signal)
    if (installation !== undefined) await Promise.all([this.#topics.run(signal), this.#decide(installation.id, signal)])
  }

  async #decide(installation: string, signal: AbortSignal): Promise<void> {
    const { live, traffic, states } = this.#parts
    const onDelivered = (delivery: Delivery): void => this.#note(delivery)
    traffic.on('delivered', onDelivered)
    const forgetSettings = live.subscribe(() => this.#wake.notify())
    let forgetStates: (() => void) | undefined
    while (!signal.aborted) {
      const { publish_state, home_assistant, display_prefix } = live.current
      const isWanted = publish_state || home_assistant || display_prefix !== ''
      if (isWanted) forgetStates ??= states.subscribe(() => this.#wake.notify())
      else forgetStates = forgetStates?.() as undefined
      const { link } = this.#parts.broker
      if (link !== undefined) this.#listen(link)
      this.#tell(isWanted, installation)
      await this.#wake.wait(ASLEEP_MS, signal)
      // Not a pause that a further change could prolong: a busy laboratory would never be told of.
      await new Promise((resolve) => setTimeout(resolve, TOGETHER_MS))
    }
    forgetStates?.()
    forgetSettings()
    traffic.off('delivered', onDelivered)
  }

  // While settings or state are not known, what was told last stays: it was right when it was told, and a device that is
  // taken back for a moment is deleted by whoever shows it.
  #tell(isWanted: boolean, installation: string): void {
    const { live, states } = this.#parts
    const {
      topic_prefix: prefix,
      state_people: withPeople,
      privacy,
      publish_state,
      home_assistant,
      home_assistant_prefix,
      display_prefix,
    } = live.current
    if (live.paused !== undefined) return
    if (!isWanted) this.#topics.want(new Map())
    if (!isWanted || states.state === undefined) return
    const lastEvent = (entity: string): string | null => this.#lastEvents.get(entity) ?? null
    const topics = this.#states.of(states.state, {
      prefix: publish_state || home_assistant ? prefix : undefined,
      displayPrefix: display_prefix === '' ? undefined : display_prefix,
      withPeople,
      privacy,
      lastEvent,
    })
    const options = { prefix, discoveryPrefix: home_assistant_prefix, installation }
    const devices = home_assistant ? discoveryTopics(states.state, options) : []
    this.#topics.want(new Map([...topics, ...devices]))
  }

  // Home Assistant says `online` when it has started; what we retain it has by then, unless the broker lost it.
  #listen(link: Link): void {
    const { home_assistant, home_assistant_prefix: prefix } = this.#parts.live.current
    if (!home_assistant || this.#listening.has(link)) return
    this.#listening.add(link)
    const topic = `${prefix}/status`
    void link
      .subscribe(topic, (word) => word === 'online' && this.#topics.sendAgain(prefix))
      .then((isAllowed) => {
        if (!isAllowed && link.isOpen)
          this.#parts.log.info({ topic }, 'the broker does not let us hear when Home Assistant starts')
      })
  }

  #note({ entry }: Delivery): void {
    const { origin, entity } = entry
    if (origin === null || !/^(tools|areas)\//.test(entity)) return
    this.#lastEvents.delete(entity)
    this.#lastEvents.set(entity, `${origin.installation}-${origin.change}-${origin.index}`)
    const [oldest] = this.#lastEvents.keys()
    if (this.#lastEvents.size > MOST_ENTITIES && oldest !== undefined) this.#lastEvents.delete(oldest)
    this.#wake.notify()
  }
}
