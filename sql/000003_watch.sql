-- Puts a NEMO table under watch: select nemo_mqtt.watch('NEMO_tool', 'noise column', ...). Does nothing when it is.

create or replace function nemo_mqtt.watch(table_name text, variadic noise text[] default '{}') returns void
  language plpgsql
  set search_path = ''
  set lock_timeout = '1s'  -- "create trigger" waits for NEMO's open transactions, and NEMO's next writes behind it
as $watch$
declare
  home text := nemo_mqtt.nemo_schema();
  target regclass := to_regclass(format('%I.%I', home, table_name));
  arguments text := coalesce((select string_agg(quote_literal(n), ', ' order by place)
                                from unnest(noise) with ordinality u (n, place)), '');
  wanted record;
  present record;
begin
  -- Locks the row even where it updates nothing: of two installers at once the second waits here, and then finds the
  -- triggers of the first.
  insert into nemo_mqtt.watched_table as w (tbl, noise) values (watch.table_name, watch.noise)
  on conflict (tbl) do update set noise = excluded.noise where w.noise <> excluded.noise;

  if target is null then
    raise notice 'this NEMO has no table "%": it is watched as soon as migrate finds it', table_name;
    return;
  end if;

  for wanted in
    -- No column and no "when": either one blocks NEMO's own upgrades, or lets the trigger vanish in them.
    -- Spelt as pg_get_triggerdef spells it, to be compared with it.
    select 'nemo_mqtt_capture' as name,
           format('CREATE TRIGGER nemo_mqtt_capture AFTER INSERT OR DELETE OR UPDATE ON %I.%I'
                  ' FOR EACH ROW EXECUTE FUNCTION nemo_mqtt.tg_capture(%s)', home, table_name, arguments) as definition
    union all
    select 'nemo_mqtt_capture_truncate',
           format('CREATE TRIGGER nemo_mqtt_capture_truncate AFTER TRUNCATE ON %I.%I'
                  ' FOR EACH STATEMENT EXECUTE FUNCTION nemo_mqtt.tg_capture()', home, table_name)
  loop
    select t.tgenabled = 'O' and pg_get_triggerdef(t.oid) = wanted.definition as is_right into present
      from pg_trigger t where t.tgrelid = target and t.tgname = wanted.name;
    continue when present.is_right;
    if present.is_right is not null then
      execute format('drop trigger %I on %s', wanted.name, target);
    end if;
    execute wanted.definition;
  end loop;
end
$watch$;

select nemo_mqtt.finish_migration('000003_watch');
