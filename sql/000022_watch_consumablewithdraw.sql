-- Consumables that were taken. Noise: billing.
select nemo_mqtt.watch('NEMO_consumablewithdraw', 'validated', 'validated_by_id', 'waived', 'waived_by_id', 'waived_on'), nemo_mqtt.finish_migration('000022_watch_consumablewithdraw');
