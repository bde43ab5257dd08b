-- Named configurations of the service, one of them enabled, and who changed what and when. Secrets in them are
-- encrypted by the program before they come here.

create table if not exists nemo_mqtt.configuration (
  name text not null primary key check (name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$'),
  enabled boolean not null default false,
  settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
  updated_at timestamptz not null default now()
);

create unique index if not exists configuration_one_enabled on nemo_mqtt.configuration (enabled) where enabled;

create table if not exists nemo_mqtt.configuration_history (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  who text not null,
  name text not null,
  before jsonb,
  after jsonb
);

-- In the database, so that nothing escapes it, not even a change made with psql; as the owner, so that nobody who may
-- change a configuration needs the right to write, or rewrite, the history.
create or replace function nemo_mqtt.tg_configuration() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $tg_configuration$
declare
  author text := coalesce(nullif(current_setting('nemo_mqtt.who', true), ''), session_user);
  before jsonb;
  after jsonb;
begin
  if tg_op = 'TRUNCATE' then
    insert into nemo_mqtt.configuration_history (who, name, before)
    select author, c.name, to_jsonb(c) - 'updated_at' from nemo_mqtt.configuration c;
    perform pg_notify('nemo_mqtt_configuration', '');
    return null;
  end if;
  if tg_op <> 'INSERT' then before := to_jsonb(old) - 'updated_at'; end if;
  if tg_op <> 'DELETE' then after := to_jsonb(new) - 'updated_at'; end if;
  if before is distinct from after then
    insert into nemo_mqtt.configuration_history (who, name, before, after)
    values (author, coalesce(after, before) ->> 'name', before, after);
    perform pg_notify('nemo_mqtt_configuration', '');
  end if;
  return null;
end
$tg_configuration$;

drop trigger if exists configuration_history on nemo_mqtt.configuration;
create trigger configuration_history
  after insert or update or delete on nemo_mqtt.configuration
  for each row execute function nemo_mqtt.tg_configuration();

drop trigger if exists configuration_truncated on nemo_mqtt.configuration;
create trigger configuration_truncated
  before truncate on nemo_mqtt.configuration
  for each statement execute function nemo_mqtt.tg_configuration();

select nemo_mqtt.finish_migration('000005_configuration');
