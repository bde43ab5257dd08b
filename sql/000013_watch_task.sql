-- Problems and maintenance. Every column matters.
select nemo_mqtt.watch('NEMO_task'), nemo_mqtt.finish_migration('000013_watch_task');
