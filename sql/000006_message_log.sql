-- What was delivered, kept for people when the setting log_messages is on: searched by `nemo-mqtt log`, trimmed by the
-- service. Changes that became no message are kept too, with the reason, for `nemo-mqtt explain`.

create table if not exists nemo_mqtt.message_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  change_id bigint,
  tbl text,
  row_id text,
  -- what people search for; ids as digits, as the payload has them
  event text,
  tool_id text,
  area_id text,
  topic text,
  payload text,
  -- `delivered`, `unheard` (delivered, and the broker says that nobody listens), `parked` or `silent`
  outcome text not null,
  reason text
) with (
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 10000
);

-- Rows come in the order of time, so this costs next to nothing.
create index if not exists message_log_at on nemo_mqtt.message_log using brin (at);
create index if not exists message_log_row on nemo_mqtt.message_log (tbl, row_id, id);

select nemo_mqtt.finish_migration('000006_message_log');
