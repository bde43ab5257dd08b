-- What the role that the service connects as may do: drain our log, and read of NEMO's tables the columns that events
-- need for names, and those that tell how tools and areas are. Nothing of NEMO's can be written with it. Call it again after NEMO has made a table anew.

create or replace function nemo_mqtt.grant_service(role_name text, is_made_by_us boolean default false) returns void
  language plpgsql
  set search_path = ''
as $grant_service$
declare
  home text := nemo_mqtt.nemo_schema();
  gift text;
begin
  lock table nemo_mqtt.service_role in share row exclusive mode;  -- two grants at once on one object fail
  insert into nemo_mqtt.service_role as s (name, created) values (role_name, is_made_by_us)
  on conflict (name) do update set created = true where excluded.created and not s.created;

  foreach gift in array array[
    'usage on schema nemo_mqtt',
    'select, delete on nemo_mqtt.change_log',
    'select, insert, delete on nemo_mqtt.unmapped',
    'select on nemo_mqtt.installation',
    'select on nemo_mqtt.watched_table',
    'select on nemo_mqtt.kysely_migration',
    'select, insert, update, delete on nemo_mqtt.configuration',
    'select on nemo_mqtt.configuration_history',
    'select, insert, delete on nemo_mqtt.message_log',
    'select, insert, delete on nemo_mqtt.retained_topic'
  ] loop
    execute format('grant %s to %I', gift, role_name);
  end loop;

  -- Of NEMO's only what the role cannot do already, and written down, so that uninstalling takes back just that.
  -- The second look finds what was not granted: who may not grant gets no error for trying, only a warning.
  for look in 1..2 loop
    for gift in
      select format('connect on database %I', current_database())
       where not has_database_privilege(role_name, current_database(), 'connect')
      union all
      select format('usage on schema %I', home) where not has_schema_privilege(role_name, home, 'usage')
      union all
      select format('select (%s) on %s', string_agg(quote_ident(a.attname), ', ' order by a.attnum), a.attrelid::regclass)
        from (values ('NEMO_tool', array['id', 'name', 'category', 'visible', 'parent_tool_id', 'operational',
                                         'interlock_id']),
                     ('NEMO_user', array['id', 'username', 'first_name', 'last_name', 'is_staff',
                                         'is_service_personnel']),
                     ('NEMO_project', array['id', 'name']),
                     ('NEMO_consumable', array['id', 'name']),
                     -- How every tool and area is at present.
                     ('NEMO_usageevent', array['id', 'start', 'end', 'tool_id', 'user_id', 'operator_id']),
                     ('NEMO_task', array['id', 'tool_id', 'title', 'problem_description', 'urgency', 'force_shutdown',
                                         'safety_hazard', 'creation_time', 'cancelled', 'resolved']),
                     ('NEMO_reservation', array['id', 'start', 'end', 'tool_id', 'user_id', 'title', 'cancelled',
                                                'missed', 'shortened']),
                     ('NEMO_toolwaitlist', array['id', 'tool_id', 'deleted', 'expired']),
                     ('NEMO_scheduledoutage', array['id', 'start', 'end', 'title', 'tool_id', 'resource_id']),
                     ('NEMO_resource', array['id', 'name', 'available']),
                     ('NEMO_resource_fully_dependent_tools', array['resource_id', 'tool_id']),
                     ('NEMO_area', array['id', 'name', 'parent_area_id', 'maximum_capacity', 'requires_reservation',
                                         'count_staff_in_occupancy', 'count_service_personnel_in_occupancy',
                                         'tree_id', 'lft', 'rght']),
                     ('NEMO_areaaccessrecord', array['id', 'start', 'end', 'area_id', 'customer_id',
                                                     'staff_charge_id']),
                     ('django_migrations', array['app', 'name'])) w (tbl, columns)
        join pg_attribute a on a.attrelid = to_regclass(format('%I.%I', home, w.tbl)) and a.attname = any (w.columns)
       where a.attnum > 0 and not has_column_privilege(role_name, a.attrelid, a.attnum, 'select')
       group by a.attrelid
    loop
      if look = 2 then
        raise exception 'no right to grant % to role "%"', gift, role_name
          using errcode = 'insufficient_privilege', hint = 'Run this as the owner of NEMO''s tables.';
      end if;
      execute format('grant %s to %I', gift, role_name);
      update nemo_mqtt.service_role set granted = granted || gift where name = role_name;
    end loop;
  end loop;
end
$grant_service$;

select nemo_mqtt.finish_migration('000004_service_role');
