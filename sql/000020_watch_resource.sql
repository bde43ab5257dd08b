-- What tools depend on, such as chilled water. Every column but the category matters.
select nemo_mqtt.watch('NEMO_resource', 'category_id'), nemo_mqtt.finish_migration('000020_watch_resource');
