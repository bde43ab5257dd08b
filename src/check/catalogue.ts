/** The parts of the pipeline, in its order. */
export const CHECK_STAGES = ['configuration', 'database', 'capture', 'redis', 'queue', 'broker', 'service'] as const

/** A part of the pipeline. */
export type CheckStage = (typeof CHECK_STAGES)[number]

interface Entry {
  readonly stage: CheckStage
  /** What is looked at, for the README. */
  readonly meaning: string
  /** Why it matters when it is not ok. */
  readonly why: string
}

/**
 * Every check, in the order of the pipeline: its code, what it looks at and why that matters. The codes are public:
 * people search for them and monitoring compares them, so they are never renamed. The README lists them all.
 */
export const CHECKS = {
  CONFIGURATION: {
    stage: 'configuration',
    meaning: 'the settings can be used: the environment, and the enabled configuration in the database',
    why: 'with settings that cannot be used nothing is sent',
  },
  SECRET_FILES: {
    stage: 'configuration',
    meaning: 'files with passwords and keys can be read by their owner alone',
    why: 'whoever reads a secret can send messages in the name of the laboratory',
  },
  DB_REACHABLE: {
    stage: 'database',
    meaning: 'PostgreSQL answers and lets us in',
    why: 'without PostgreSQL there are no changes to send; NEMO itself cannot work either',
  },
  DB_VERSION: {
    stage: 'database',
    meaning: 'PostgreSQL 12 or newer',
    why: 'triggers and queries are written for PostgreSQL 12 and newer',
  },
  DB_RIGHTS: {
    stage: 'database',
    meaning: 'the role may drain the change log and read the names that events carry',
    why: 'without its rights the service cannot read what NEMO changed, or events lack names and tools their state',
  },
  NEMO_FOUND: {
    stage: 'database',
    meaning: 'the database holds one NEMO; its release',
    why: 'in another database there is nothing to watch',
  },
  MIGRATIONS: {
    stage: 'capture',
    meaning: 'every migration of this release is applied, and none of a newer one',
    why: 'the program and the database must be of the same release',
  },
  SCHEMA: {
    stage: 'capture',
    meaning: 'the tables of schema nemo_mqtt are there, and nothing keeps changes out of the log',
    why: 'a change that cannot be written to the log is lost',
  },
  CAPTURE_FUNCTION: {
    stage: 'capture',
    meaning: 'the trigger function is the one of this release',
    why: 'another function may miss changes or write what cannot be understood',
  },
  TRIGGERS: {
    stage: 'capture',
    meaning: 'every watched table has its triggers, enabled and as they should be',
    why: 'what happens in a table without its trigger is never told to anybody',
  },
  CAPTURE_ON: {
    stage: 'capture',
    meaning: 'capture is not paused for the database, a role or the server',
    why: 'while it is paused, changes are lost: they are not sent later either',
  },
  CUSTOM_EVENTS: {
    stage: 'capture',
    meaning: 'the tables of custom events are watched, and their columns captured',
    why: 'a rule about a table without triggers never holds',
  },
  WATCHED_COLUMNS: {
    stage: 'capture',
    meaning: 'NEMO’s tables have the columns that events are made from',
    why: 'events lack what was in a column that is gone',
  },
  NOTIFICATIONS: {
    stage: 'capture',
    meaning: 'LISTEN delivers; a pooler in transaction mode is named',
    why: 'without notifications changes are found by looking, up to a second later',
  },
  CHANGE_LOG: {
    stage: 'capture',
    meaning: 'how many changes wait in PostgreSQL, and for how long',
    why: 'displays and other receivers are as late as the oldest change',
  },
  CHANGE_LOG_BLOAT: {
    stage: 'capture',
    meaning: 'dead rows of the change log are cleaned up',
    why: 'dead rows that pile up make every read slower and fill the disk',
  },
  UNMAPPED: {
    stage: 'capture',
    meaning: 'no change was set aside because it was not understood',
    why: 'a change that is set aside has no event',
  },
  REDIS_REACHABLE: {
    stage: 'redis',
    meaning: 'Redis answers and lets us in',
    why: 'without Redis nothing is sent; changes wait in PostgreSQL',
  },
  REDIS_DATABASE: {
    stage: 'redis',
    meaning: 'the database number exists and is not 0, which everybody uses',
    why: 'in a database that others use, their FLUSHDB empties our queue',
  },
  REDIS_VERSION: {
    stage: 'redis',
    meaning: 'Redis 6 or newer',
    why: 'older releases are not tested and end without security fixes',
  },
  REDIS_EVICTION: {
    stage: 'redis',
    meaning: 'maxmemory is not near, and no policy throws our list away',
    why: 'a list that Redis throws away is queued again from PostgreSQL, later and perhaps twice',
  },
  REDIS_PERSISTENCE: {
    stage: 'redis',
    meaning: 'what Redis keeps on disk, and whether its last snapshot succeeded',
    why: 'with its usual settings Redis refuses every write after a snapshot that failed',
  },
  REDIS_WRITE: {
    stage: 'redis',
    meaning: 'Redis takes a write and allows every command that is needed (MISCONF, OOM, READONLY, NOPERM)',
    why: 'while Redis refuses writes nothing new is sent; changes wait in PostgreSQL',
  },
  QUEUE: {
    stage: 'queue',
    meaning: 'how many messages wait in the Redis list, and for how long',
    why: 'receivers are as late as the oldest message',
  },
  IN_FLIGHT: {
    stage: 'queue',
    meaning: 'how many messages were taken and not yet acknowledged, and for how long',
    why: 'a message that stays in flight is one that the broker does not answer or refuses for a while',
  },
  PARKED: {
    stage: 'queue',
    meaning: 'no message was set aside because it cannot be published',
    why: 'a parked message was not delivered to anybody',
  },
  QUEUE_OWNER: {
    stage: 'queue',
    meaning: 'nobody else takes entries out of the Redis list: no old plugin bridge, no other installation',
    why: 'what another program takes is sent twice, in another order, or not at all',
  },
  BROKER_DNS: {
    stage: 'broker',
    meaning: 'the name of the broker is known',
    why: 'without an address there is no broker; messages wait',
  },
  BROKER_TCP: {
    stage: 'broker',
    meaning: 'the port of the broker can be reached; refused and timed out are told apart',
    why: 'without the broker nothing is delivered; messages wait',
  },
  BROKER_TLS: {
    stage: 'broker',
    meaning: 'the TLS handshake succeeds and the certificate is valid for this broker',
    why: 'without a valid certificate anybody could be the broker, so nothing is sent to it',
  },
  BROKER_CERTIFICATE: {
    stage: 'broker',
    meaning: 'neither the broker’s certificate nor ours expires within 21 days',
    why: 'on the day it expires no message is delivered any more',
  },
  BROKER_LOGIN: {
    stage: 'broker',
    meaning: 'the broker accepts user, password and MQTT version',
    why: 'a broker that refuses the connection gets no message',
  },
  BROKER_LIMITS: {
    stage: 'broker',
    meaning: 'MQTT version, Receive Maximum, packet size, QoS 1 and retained messages',
    why: 'what the broker does not allow is refused or slow',
  },
  BROKER_PUBLISH: {
    stage: 'broker',
    meaning: 'the user may publish below the topic prefix',
    why: 'a broker that refuses our messages delivers none',
  },
  ROUND_TRIP: {
    stage: 'broker',
    meaning: 'a real message comes back from the broker',
    why: 'only a message that is read back proves delivery: under MQTT 3.1.1 a refused one is acknowledged too',
  },
  SIGNATURE: {
    stage: 'broker',
    meaning: 'the signature of that message is right',
    why: 'receivers throw away what is not signed as they expect',
  },
  SERVICE: {
    stage: 'service',
    meaning: 'a service is active, and heard of; how many wait as standby',
    why: 'without an active service nothing is sent; changes wait in PostgreSQL',
  },
  BRIDGE_STATE: {
    stage: 'service',
    meaning: 'the retained bridge/state says online, and is signed with our key',
    why: 'receivers believe what the state says, and a service that is not connected sends nothing',
  },
  CLOCKS: {
    stage: 'service',
    meaning: 'the clocks of this machine, PostgreSQL and Redis agree to 5 s',
    why: 'times in events are those of PostgreSQL, ages and certificates are judged by the clock of this machine',
  },
} as const satisfies Readonly<Record<string, Entry>>

/** The code of a check. */
export type CheckCode = keyof typeof CHECKS

/** The codes of all checks, in the order of the pipeline. */
export const CHECK_CODES = Object.keys(CHECKS) as CheckCode[]
