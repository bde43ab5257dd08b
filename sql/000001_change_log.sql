-- Our own schema: the log of captured row changes, and what the service must remember beside it.
-- Every file here may be run again and again, by `nemo-mqtt migrate` or by
--   psql -v ON_ERROR_STOP=1 -f FILE "$NEMO_MQTT_DATABASE_URL"
-- in the order of the numbers; each ends in the same state. They are written for PostgreSQL 12 and newer.

-- One statement, so that a database without NEMO is left as it was: without the schema nothing below can be made.
do $do$
begin
  -- "if not exists" would ask for the right to create schemas even when there is nothing to create.
  if to_regnamespace('nemo_mqtt') is null then
    create schema nemo_mqtt;
  end if;

  -- Which schema holds NEMO: the one that is set, else the one that is watched already, else the only one there is.
  create or replace function nemo_mqtt.nemo_schema() returns text
    language plpgsql stable
    set search_path = ''
  as $nemo_schema$
  declare
    chosen text := nullif(current_setting('nemo_mqtt.nemo_schema', true), '');
    found_in text[];
    watched text[];
  begin
    select array_agg(n.nspname::text order by n.nspname),
           array_agg(n.nspname::text) filter (where exists (
             select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'nemo_mqtt_capture'))
      into found_in, watched
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
     where c.relname = 'NEMO_tool' and c.relkind in ('r', 'p') and n.nspname !~ '^pg_';

    if found_in is null then
      raise exception 'there is no NEMO in database "%": no schema has a table "NEMO_tool"', current_database()
        using errcode = 'undefined_table', hint = 'Connect to the database that NEMO itself uses.';
    elsif chosen is not null and chosen <> all (found_in) then
      raise exception 'there is no NEMO in schema "%": "NEMO_tool" is in %', chosen, array_to_string(found_in, ', ')
        using errcode = 'undefined_table', hint = 'Correct the setting nemo_mqtt.nemo_schema.';
    elsif chosen is not null then
      return chosen;
    elsif cardinality(watched) = 1 then
      return watched[1];
    elsif cardinality(found_in) > 1 then
      raise exception 'more than one schema holds a NEMO: %', array_to_string(found_in, ', ')
        using errcode = 'invalid_schema_name', hint = 'Name one: set nemo_mqtt.nemo_schema, or migrate --nemo-schema.';
    end if;
    return found_in[1];
  end
  $nemo_schema$;

  perform nemo_mqtt.nemo_schema();
end
$do$;

-- Kysely's bookkeeping, exactly as Kysely would make it: whichever of the two comes first.
create table if not exists nemo_mqtt.kysely_migration (
  name varchar(255) not null primary key,
  "timestamp" varchar(255) not null
);

create table if not exists nemo_mqtt.kysely_migration_lock (
  id varchar(255) not null primary key,
  is_locked integer not null default 0
);

insert into nemo_mqtt.kysely_migration_lock (id) values ('migration_lock') on conflict do nothing;

-- A queue: rows come, are read once and go. Vacuum follows the number of dead rows, not the share of a table that is
-- usually empty, and never cuts the file, because that takes a lock which NEMO's writes would meet.
create table if not exists nemo_mqtt.change_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  tbl text not null,
  op text not null,
  old jsonb,
  new jsonb
) with (
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 10000,
  vacuum_truncate = off
);

-- What something was called when a change happened: asked while changes of names wait in the log.
create index if not exists change_log_names on nemo_mqtt.change_log (tbl, (coalesce(old, new) ->> 'id'), id)
  where tbl in ('NEMO_tool', 'NEMO_area', 'NEMO_reservation');

-- Changes that no mapper understood, kept with the reason instead of being dropped or tried for ever.
create table if not exists nemo_mqtt.unmapped (
  id bigint not null primary key,
  at timestamptz not null,
  tbl text not null,
  op text not null,
  old jsonb,
  new jsonb,
  reason text not null,
  set_aside_at timestamptz not null default clock_timestamp()
);

-- Part of every event_id, so that two laboratories on one broker never send the same one. Made once.
create table if not exists nemo_mqtt.installation (id text not null);

create unique index if not exists installation_only_one on nemo_mqtt.installation ((true));

insert into nemo_mqtt.installation (id)
values (substr(md5(random()::text || clock_timestamp()::text || pg_backend_pid()::text), 1, 10))
on conflict do nothing;

-- What should be watched, for finding drift.
create table if not exists nemo_mqtt.watched_table (
  tbl text not null primary key,
  noise text[] not null
);

-- Roles that the service connects as, whether we made them, and what we granted: uninstalling takes back just that.
create table if not exists nemo_mqtt.service_role (
  name text not null primary key,
  created boolean not null,
  granted text[] not null default '{}'
);

-- The last statement of every file. Takes away what default privileges of this site gave to others when our objects
-- were made, as well as PostgreSQL's own gift, the right of everybody to call functions; then records the file.
create or replace function nemo_mqtt.finish_migration(file text) returns void
  language plpgsql
  set search_path = ''
as $finish_migration$
declare
  gift record;
begin
  for gift in
    select distinct o.object, case a.grantee when 0 then 'public' else a.grantee::regrole::text end as receiver
      from (select 'schema nemo_mqtt' as object, nspowner as owner, nspacl as acl
              from pg_namespace where nspname = 'nemo_mqtt'
            union all
            select case relkind when 'S' then 'sequence ' else 'table ' end || oid::regclass, relowner, relacl
              from pg_class where relnamespace = to_regnamespace('nemo_mqtt') and relkind in ('r', 'S')
            union all
            select 'function ' || oid::regprocedure, proowner, coalesce(proacl, acldefault('f', proowner))
              from pg_proc where pronamespace = to_regnamespace('nemo_mqtt')) o
     cross join aclexplode(o.acl) a
     where a.grantee <> o.owner
       and not exists (select from nemo_mqtt.service_role s where to_regrole(quote_ident(s.name)) = a.grantee)
       -- Who was allowed to call nemo_mqtt.emit() keeps that, and the way to it.
       and not (o.object in ('schema nemo_mqtt', 'function nemo_mqtt.emit(text,jsonb)') and a.grantee <> 0
                and exists (select from pg_proc p cross join aclexplode(p.proacl) e
                             where p.oid = to_regprocedure('nemo_mqtt.emit(text, jsonb)') and e.grantee = a.grantee))
  loop
    execute format('revoke all on %s from %s', gift.object, gift.receiver);
  end loop;

  insert into nemo_mqtt.kysely_migration (name, "timestamp")
  values (file, to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
  on conflict do nothing;
end
$finish_migration$;

select nemo_mqtt.finish_migration('000001_change_log');
