-- Removes every trace of ours from NEMO's database: afterwards its schema dump is the one from before. Changes that
-- were not delivered go too. Not a migration, so not numbered; `nemo-mqtt uninstall` runs it, and so may psql.

do $do$
declare
  service record;
  gift text;
  setting record;
  made_by_us text[] := '{}';
  loudness text := current_setting('client_min_messages');
begin
  if to_regnamespace('nemo_mqtt') is null then
    raise notice 'nemo_mqtt is not in database "%"', current_database();
    return;
  end if;
  -- Dropping a trigger waits for NEMO, and NEMO behind it. Several tables at once could even make a deadlock, so it
  -- gives up long before PostgreSQL looks for one: try again then.
  perform set_config('lock_timeout', '100ms', true);

  if to_regclass('nemo_mqtt.service_role') is not null then
    for service in
      select s.name, s.created, s.granted from nemo_mqtt.service_role s join pg_roles r on r.rolname = s.name
    loop
      if service.created then
        made_by_us := made_by_us || service.name;
        -- Columns that NEMO has renamed since are not what was written down, but carry the right all the same.
        service.granted := service.granted || array(
          select format('select (%I) on %s', a.attname, a.attrelid::regclass)
            from pg_attribute a cross join aclexplode(a.attacl) x
            join pg_roles r on r.oid = x.grantee and r.rolname = service.name);
      end if;
      foreach gift in array service.granted loop
        begin
          -- The database may have been restored under another name.
          gift := regexp_replace(gift, '^connect on database .*$', format('connect on database %I', current_database()));
          execute format('revoke %s from %I', gift, service.name);
        exception when undefined_table or undefined_column or invalid_schema_name then
          null;  -- dropped or renamed by NEMO since
        end;
      end loop;
    end loop;
  end if;

  -- Triggers go with their function. What cascades is a long list, and no news to whoever uninstalls.
  perform set_config('client_min_messages', 'warning', true);
  drop schema nemo_mqtt cascade;
  perform set_config('client_min_messages', loudness, true);

  for setting in
    select format('alter %s reset %s',
             case when s.setrole = 0 then format('database %I', current_database())
                  when s.setdatabase = 0 then format('role %I', r.rolname)
                  else format('role %I in database %I', r.rolname, current_database()) end,
             split_part(c.line, '=', 1)) as reset
      from pg_db_role_setting s cross join unnest(s.setconfig) c (line) left join pg_roles r on r.oid = s.setrole
     where s.setdatabase = (select oid from pg_database where datname = current_database()) and c.line ~ '^nemo_mqtt\.'
  loop
    begin
      execute setting.reset;
    exception when insufficient_privilege then
      raise notice 'a setting stays, because it takes more rights to remove it: %', setting.reset;
    end;
  end loop;

  foreach gift in array made_by_us loop
    begin
      execute format('drop role %I', gift);
    exception when dependent_objects_still_exist or insufficient_privilege or object_in_use then
      raise notice 'role "%" stays: %', gift, sqlerrm;
    end;
  end loop;
end
$do$;
