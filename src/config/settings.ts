import Type, { type Static } from 'typebox'
import { CHOICE_DEFAULTS } from '../choose/choice-settings.ts'
import { nearest } from '../nearest.ts'

/**
 * Notes on a setting that are no part of JSON Schema: `secret` values are never shown, and may come from a file;
 * `environmentOnly` ones cannot be part of a stored configuration, because they are needed to read it, or belong to
 * the machine.
 */
interface Notes {
  readonly description: string
  readonly default?: unknown
  readonly secret?: true
  readonly environmentOnly?: true
}

/** Where Redis is when nothing else is said. */
export const REDIS_URL = 'redis://127.0.0.1:6379/1'

const text = (notes: Notes, limits: { minLength?: number; maxLength?: number } = {}) =>
  Type.String({ ...limits, ...notes })
const count = (notes: Notes, minimum: number, maximum: number) => Type.Integer({ minimum, maximum, ...notes })
const choice = (notes: Notes) => Type.Boolean({ ...notes })
/** Longest list of names, or of templates. */
const LONG = { maxLength: 20_000 }

/**
 * Every setting: name, type, limits, default and what it is for, in the one place from which validation, messages and
 * the README's table come. The environment variable of a setting is `NEMO_MQTT_` and its name in capitals.
 */
export const SETTINGS = Type.Object(
  {
    database_url: text({
      description: 'NEMO’s PostgreSQL database: `postgres://user:password@host:5432/database`',
      secret: true,
      environmentOnly: true,
    }),
    redis_url: text({
      description: 'Redis; database 1 unless the URL names another: `redis://host:6379/1`, with TLS `rediss://`',
      default: REDIS_URL,
      secret: true,
      environmentOnly: true,
    }),
    redis_ca_file: text({
      description: 'certificate authority of Redis (PEM) for `rediss://`; those that Node.js trusts when empty',
      default: '',
      environmentOnly: true,
    }),
    redis_cert_file: text({ description: 'our certificate for Redis (PEM)', default: '', environmentOnly: true }),
    redis_key_file: text({ description: 'the key of that certificate (PEM)', default: '', environmentOnly: true }),
    config_key: text({
      description: 'key that encrypts the secrets of stored configurations, 16 characters at least',
      default: '',
      secret: true,
      environmentOnly: true,
    }),
    http_port: count(
      {
        description: 'port of the pages, of health and of metrics; 0 turns them off',
        default: 8080,
        environmentOnly: true,
      },
      0,
      65_535,
    ),
    http_host: text({
      description:
        'address that this port is opened at; any but the machine’s own loopback demands a password or a proxy',
      default: '127.0.0.1',
      environmentOnly: true,
    }),
    http_public_url: text({
      description:
        'what browsers have in front of `/mqtt/monitor/` when a reverse proxy stands between: `https://nemo.example.org`',
      default: '',
      environmentOnly: true,
    }),
    http_admin_password: text({
      description: 'password or token of those who may change things; without it the pages only show',
      default: '',
      secret: true,
      environmentOnly: true,
    }),
    http_viewer_password: text({
      description: 'password or token of those who may look; without it everybody on this machine may',
      default: '',
      secret: true,
      environmentOnly: true,
    }),
    http_trusted_proxies: text({
      description: 'addresses or networks of reverse proxies that are believed, such as `127.0.0.1, 10.1.0.0/16`',
      default: '',
      environmentOnly: true,
    }),
    http_user_header: text({
      description: 'header in which a trusted proxy names the user it has let in, such as `X-Forwarded-User`',
      default: '',
      environmentOnly: true,
    }),
    http_admins: text({
      description: 'users named there who may change things, such as `ada, grace`; the others may look',
      default: '',
      environmentOnly: true,
    }),
    broker_host: text({ description: 'name or address of the MQTT broker', default: 'localhost' }, { minLength: 1 }),
    broker_port: count({ description: 'port of the MQTT broker', default: 1883 }, 1, 65_535),
    broker_protocol: Type.Union(
      [Type.Literal('mqtt'), Type.Literal('mqtts'), Type.Literal('ws'), Type.Literal('wss')],
      {
        description: 'how the broker is reached: `mqtt`, with TLS `mqtts`, through WebSockets `ws`, with both `wss`',
        default: 'mqtt',
      },
    ),
    broker_path: text({ description: 'path of the WebSocket, for `ws` and `wss`', default: '/mqtt' }),
    tls_ca_file: text({
      description: 'certificate authority of the broker (PEM); those that Node.js trusts when empty',
      default: '',
    }),
    tls_cert_file: text({ description: 'our certificate for the broker (PEM), if it asks for one', default: '' }),
    tls_key_file: text({ description: 'the key of that certificate (PEM)', default: '' }),
    tls_key_passphrase: text({ description: 'passphrase of that key', default: '', secret: true }),
    tls_verify: choice({
      description: 'accept only a broker whose certificate is valid; `false` is for tests: anybody could be the broker',
      default: true,
    }),
    tls_server_name: text({
      description: 'name that the broker’s certificate must have (SNI); the host when empty',
      default: '',
    }),
    tls_alpn: text({ description: 'ALPN protocol for a broker that shares its port, such as `mqtt`', default: '' }),
    mqtt_version: Type.Union([Type.Literal('5'), Type.Literal('3.1.1')], {
      description:
        'MQTT protocol version: `5`, or `3.1.1` for older brokers (they cannot say that they refuse a message)',
      default: '5',
    }),
    keepalive: count(
      { description: 'seconds between signs of life; a dead link is noticed after 1.5 times this', default: 8 },
      1,
      65_535,
    ),
    client_id: text(
      { description: 'MQTT client id, unique at the broker; `nemo_bridge_{hostname}_{pid}` when empty', default: '' },
      { maxLength: 65_535 },
    ),
    username: text({ description: 'user name at the broker; none when empty', default: '' }),
    password: text({ description: 'password at the broker', default: '', secret: true }),
    clean_session: choice({ description: 'begin with a clean session at the broker', default: true }),
    auto_reconnect: choice({
      description: 'reconnect when the link is lost; otherwise the service ends',
      default: true,
    }),
    reconnect_delay: count(
      { description: 'longest pause between two attempts to reach the broker, in seconds', default: 15 },
      1,
      3600,
    ),
    max_reconnect_attempts: count(
      { description: 'failed attempts in a row after which the service ends; 0 means never', default: 0 },
      0,
      1_000_000,
    ),
    topic_prefix: text({ description: 'first level or levels of every topic', default: 'nemo' }),
    dialect: Type.Union([Type.Literal('documented'), Type.Literal('plugin')], {
      description:
        'words that events are told in: `documented`, or `plugin` for displays made for the Python plugin (its events, topics, fields and texts)',
      default: CHOICE_DEFAULTS.dialect,
    }),
    retain_messages: choice({
      description:
        'ask the broker to retain events, but for those that begin or end something (`tool_enabled`, `tool_usage_start`): an old one would look like the present',
      default: false,
    }),
    message_expiry: count(
      {
        description:
          'seconds after which the broker may drop an event that a subscriber has not fetched; 0 means never (MQTT 5)',
        default: 0,
      },
      0,
      4_294_967_295,
    ),
    use_hmac: choice({ description: 'sign every message; without a key the service does not start', default: false }),
    hmac_secret_key: text({ description: 'shared key of the signature (HMAC-SHA256)', default: '', secret: true }),
    publish_state: choice({
      description: 'keep the state of every tool and area as retained messages: `tools/{id}/state`, `areas/{id}/state`',
      default: false,
    }),
    state_people: choice({ description: 'tell in the state of an area who is inside', default: false }),
    home_assistant: choice({
      description: 'announce every tool to Home Assistant as a device; the states are published for it too',
      default: false,
    }),
    home_assistant_prefix: text(
      { description: 'first level of the topics at which Home Assistant looks for devices', default: 'homeassistant' },
      { minLength: 1 },
    ),
    display_prefix: text({
      description:
        'first level of retained topics for displays that know how a tool is by the topic alone: `tools/{id}/start` while it is in use, else `disabled` or `idle`; NEMO-Tool-Display wants `nemo`; empty means none',
      default: '',
    }),
    user_name_format: Type.Union(
      [Type.Literal('first_last'), Type.Literal('first_last_username'), Type.Literal('initials'), Type.Literal('none')],
      {
        description: 'how people are named: `first_last`, `first_last_username`, `initials` or `none`',
        default: 'first_last',
      },
    ),
    privacy: choice({
      description:
        'no personal data in any message: ids and names of people and operators, names of projects, and what people write (titles, descriptions, alerts) are null',
      default: CHOICE_DEFAULTS.privacy,
    }),
    event_filter: text(
      {
        description: 'events that are sent: names with `*` as wildcard and `!` for what is left out, `*, !task_*`',
        default: CHOICE_DEFAULTS.event_filter,
      },
      LONG,
    ),
    personal_events: text(
      {
        description:
          'personal events that are sent too: `wait_list_*`, `consumable_withdrawn`, `user_*`, and `alert_*` for alerts to one user; none when empty',
        default: CHOICE_DEFAULTS.personal_events,
      },
      LONG,
    ),
    custom_events: text(
      {
        description: 'messages of your own: a JSON list of rules, see “Events of your own” below; none when empty',
        default: CHOICE_DEFAULTS.custom_events,
      },
      LONG,
    ),
    tool_filter: text(
      {
        description: 'tools whose events are sent: ids, or names with wildcards, `!12, !Test *`',
        default: CHOICE_DEFAULTS.tool_filter,
      },
      LONG,
    ),
    area_filter: text(
      { description: 'areas whose events are sent, likewise', default: CHOICE_DEFAULTS.area_filter },
      LONG,
    ),
    category_filter: text(
      {
        description: 'categories of tools whose events are sent, likewise: `Lithography*, !*/Spare`',
        default: CHOICE_DEFAULTS.category_filter,
      },
      LONG,
    ),
    topic_template: text(
      {
        description:
          'topics of events: `{prefix}`, `{topic}` (the standard one below it), `{kind}`, `{id}`, `{event}`, `{name}`, `{tool_id}`, `{area_id}`, `{category}`',
        default: CHOICE_DEFAULTS.topic_template,
      },
      LONG,
    ),
    topic_overrides: text(
      {
        description:
          'topics of some events: `event = template`, with `;` or a line end between them and wildcards in the event; the first that fits counts',
        default: CHOICE_DEFAULTS.topic_overrides,
      },
      LONG,
    ),
    tool_topic_key: Type.Union([Type.Literal('id'), Type.Literal('name'), Type.Literal('both')], {
      description: 'what names a tool in the standard topics: `id`, `name`, or `both` as `{id}-{name}`',
      default: CHOICE_DEFAULTS.tool_topic_key,
    }),
    queue_limit: count(
      {
        description: 'entries in the Redis list at which the listener pauses; changes wait in PostgreSQL',
        default: 10_000,
      },
      100,
      1_000_000,
    ),
    log_messages: choice({ description: 'keep what was delivered, for `nemo-mqtt log`', default: false }),
    log_keep_days: count({ description: 'days for which it is kept', default: 30 }, 1, 3650),
    log_keep_rows: count({ description: 'how many messages are kept at most', default: 100_000 }, 1, 100_000_000),
    log_level: Type.Union(
      [Type.Literal('DEBUG'), Type.Literal('INFO'), Type.Literal('WARNING'), Type.Literal('ERROR')],
      { description: 'least level that is logged: `DEBUG`, `INFO`, `WARNING`, `ERROR`', default: 'INFO' },
    ),
  },
  { additionalProperties: false },
)

/** All settings with their values; a stage takes this value and never reads the environment itself. */
export type Settings = Readonly<Static<typeof SETTINGS>>

/** How Redis is reached. */
export type RedisSettings = Pick<Settings, 'redis_url' | 'redis_ca_file' | 'redis_cert_file' | 'redis_key_file'>

/** Name of a setting. */
export type SettingName = keyof Settings

/** Whether there is a setting of this name. */
export function isSetting(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS.properties, name)
}

/** Names of the settings whose values are never shown. */
export const SECRET_NAMES: readonly SettingName[] = (Object.keys(SETTINGS.properties) as SettingName[]).filter(
  (name) => 'secret' in SETTINGS.properties[name],
)

/** Names of the settings that can be part of a stored configuration. */
export const STORABLE_NAMES: readonly SettingName[] = (Object.keys(SETTINGS.properties) as SettingName[]).filter(
  (name) => !('environmentOnly' in SETTINGS.properties[name]),
)

/** The setting that somebody may have meant; of those that are `known` where only some can be. */
export function nearestSetting(name: string, known?: readonly SettingName[]): SettingName | undefined {
  return nearest(name, known ?? (Object.keys(SETTINGS.properties) as SettingName[]))
}
