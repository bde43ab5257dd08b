-- Messages of the laboratory's own: select nemo_mqtt.emit('door/3', '{"event": "door_opened"}'). In any transaction, and
-- so in anybody's trigger; rolled back with it. As tg_capture it can neither fail nor block its caller.

do $do$
declare
  is_new boolean := to_regprocedure('nemo_mqtt.emit(text, jsonb)') is null;
  receiver record;
begin
  create or replace function nemo_mqtt.emit(topic text, payload jsonb) returns void
    language plpgsql
    security definer            -- who may call it has no right on our tables
    set search_path = ''
    set lock_timeout = '1s'
  as $emit$
  begin
    -- Not nemo_mqtt.capture: that is for rows which a restore writes. Whoever calls this means it.
    if current_setting('nemo_mqtt.emit', true) = 'off' then
      return;
    end if;
    begin
      -- The payload as text, so that it goes out digit for digit.
      insert into nemo_mqtt.change_log (tbl, op, new)
      values ('nemo_mqtt.emit', 'INSERT',
              jsonb_build_object('topic', emit.topic, 'payload', coalesce(emit.payload::text, 'null')));
    exception when others then
      -- The rest of this transaction does not wait, fail and warn again for each message.
      perform set_config('nemo_mqtt.emit', 'off', true);
      raise warning 'nemo_mqtt: the message on "%" and what follows in this transaction is not sent: % (%)',
        emit.topic, sqlerrm, sqlstate;
      return;
    end;
    if current_setting('nemo_mqtt.notify', true) is distinct from 'off' and pg_notification_queue_usage() < 0.9 then
      perform pg_notify('nemo_mqtt', '');
    end if;
  end
  $emit$;

  -- What the default privileges of this site gave away. Later on whoever has the right was given it on purpose, and
  -- finish_migration leaves it.
  if is_new then
    for receiver in
      select case a.grantee when 0 then 'public' else a.grantee::regrole::text end as name
        from pg_proc p cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
       where p.oid = to_regprocedure('nemo_mqtt.emit(text, jsonb)') and a.grantee <> p.proowner
    loop
      execute format('revoke all on function nemo_mqtt.emit(text, jsonb) from %s', receiver.name);
    end loop;
  end if;
end
$do$;

select nemo_mqtt.finish_migration('000008_emit');
