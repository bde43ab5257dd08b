/** The Redis keys, as the Python plugin named them where it had them. */
export const KEYS = {
  /** The queue, a list: producers LPUSH, the bridge takes from the right. */
  queue: 'nemo_mqtt_events',
  /** What was taken and not yet settled, newest left, so that the oldest stands where it is looked for first. */
  inFlight: 'nemo_mqtt_events:in_flight',
  /** Who works on the two lists: `{installation} {token}`. Also the mark by which an emptied Redis is noticed. */
  owner: 'nemo_mqtt_events:owner',
  /** Entries that cannot be published, each with its reason, newest left. */
  parked: 'nemo_mqtt_parked',
  /** The last entries that were published, newest left, for monitors. */
  monitor: 'nemo_mqtt_monitor',
  /** `connected` or `disconnected`; expires 90 s after it was last said. */
  status: 'nemo_mqtt_bridge_status',
  /** A list on which other programs, the Python plugin's pages among them, LPUSH {@link RELOAD}. */
  control: 'nemo_mqtt_bridge_control',
} as const

/** The word that asks the bridge to read the configuration again and to connect anew. */
export const RELOAD = 'reload_config'

/** Bounds of the lists, in entries. The queue's own bound is a setting. */
export const BOUNDS = { parked: 10_000, monitor: 100 } as const

/** The commands that a Redis user with limited rights must be allowed, as ACL rules. */
export const COMMANDS =
  '+eval +llen +lrange +lpush +rpush +lpop +rpoplpush +lrem +ltrim +get +set +persist +select +client|setname'
