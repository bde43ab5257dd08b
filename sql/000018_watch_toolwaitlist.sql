-- Who waits for a tool. NEMO before 5.5 has no such table. Every column matters.
select nemo_mqtt.watch('NEMO_toolwaitlist'), nemo_mqtt.finish_migration('000018_watch_toolwaitlist');
