-- Use of tools. Noise: bookkeeping (7.2 rewrites has_ended in every row), billing, and answers and notes, which are nobody's business.
select nemo_mqtt.watch('NEMO_usageevent', 'has_ended', 'staff_charge_id', 'validated', 'validated_by_id', 'waived', 'waived_by_id', 'waived_on', 'run_data', 'pre_run_data', 'note'), nemo_mqtt.finish_migration('000012_watch_usageevent');
