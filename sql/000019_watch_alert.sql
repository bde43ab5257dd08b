-- Alerts on NEMO's pages. Noise: whether it can be closed, and who wrote it when.
select nemo_mqtt.watch('NEMO_alert', 'dismissible', 'creation_time', 'creator_id'), nemo_mqtt.finish_migration('000019_watch_alert');
