-- Presence in areas. Noise: bookkeeping and billing, but not staff_charge_id: with it the row is a charge and nobody is there.
select nemo_mqtt.watch('NEMO_areaaccessrecord', 'has_ended', 'validated', 'validated_by_id', 'waived', 'waived_by_id', 'waived_on'), nemo_mqtt.finish_migration('000016_watch_areaaccessrecord');
