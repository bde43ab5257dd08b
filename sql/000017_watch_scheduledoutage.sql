-- Planned outages of tools, areas and resources. Noise: who is reminded of them, and when.
select nemo_mqtt.watch('NEMO_scheduledoutage', 'reminder_days', 'reminder_emails'), nemo_mqtt.finish_migration('000017_watch_scheduledoutage');
