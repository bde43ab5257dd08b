-- The one trigger function: row -> change log -> wake-up notification. Its arguments are the table's noise columns.
-- NEMO must never fail because of us: a broken capture loses a change, a raised error loses the user's work. So
-- everything that can fail is in a block that catches it; that costs a subtransaction, 2 µs a row.

create or replace function nemo_mqtt.tg_capture() returns trigger
  language plpgsql
  security definer            -- NEMO's role has no right on our tables
  set search_path = ''        -- pg_restore and others write with an empty one
  set lock_timeout = '1s'     -- VACUUM FULL of the change log must not stop NEMO
as $tg_capture$
declare
  noise text[] := coalesce(tg_argv, '{}');  -- NULL without arguments, and jsonb - NULL is NULL
  before jsonb;
  after jsonb;
  is_row_read boolean;
begin
  if current_setting('nemo_mqtt.capture', true) = 'off' then
    return null;
  end if;

  for attempt in 1..3 loop
    begin
      is_row_read := false;
      if attempt = 1 then
        if tg_op = 'UPDATE' and old *= new then  -- byte for byte, so json columns need no equality operator
          return null;
        end if;
        before := to_jsonb(old) - noise;  -- the whole row by key: NEMO may drop and rename columns at any time
        after := to_jsonb(new) - noise;
      elsif attempt = 2 then  -- a json column may hold \u0000, which jsonb refuses
        before := regexp_replace(row_to_json(old)::text, E'(?<!\\\\)((?:\\\\\\\\)*)\\\\u0000', E'\\1\\\\ufffd', 'g')::jsonb - noise;
        after := regexp_replace(row_to_json(new)::text, E'(?<!\\\\)((?:\\\\\\\\)*)\\\\u0000', E'\\1\\\\ufffd', 'g')::jsonb - noise;
      else  -- still refused: at least which row it was
        before := case when tg_op in ('UPDATE', 'DELETE') then jsonb_build_object('id', old.id) end;
        after := case when tg_op in ('UPDATE', 'INSERT') then jsonb_build_object('id', new.id) end;
      end if;
      is_row_read := true;
      if before = after and attempt < 3 then  -- save() writes every column and often nothing new
        return null;
      end if;
      insert into nemo_mqtt.change_log (tbl, op, old, new) values (tg_table_name, tg_op, before, after);
      exit;
    exception when others then
      if is_row_read or attempt = 3 then
        -- The log is not usable. The rest of this transaction does not wait, fail and warn again for each row.
        perform set_config('nemo_mqtt.capture', 'off', true);
        raise warning 'nemo_mqtt: % on "%" and what follows in this transaction is not captured: % (%)',
          tg_op, tg_table_name, sqlerrm, sqlstate;
        return null;
      end if;
    end;
  end loop;

  -- Outside the block above, whose subtransaction would keep a notification of its own for every row before
  -- PostgreSQL 13. A full queue fails at COMMIT, where nothing can be caught: the sweep finds the change as well.
  if current_setting('nemo_mqtt.notify', true) is distinct from 'off' and pg_notification_queue_usage() < 0.9 then
    perform pg_notify('nemo_mqtt', '');
  end if;
  return null;
end
$tg_capture$;

select nemo_mqtt.finish_migration('000002_capture_function');
