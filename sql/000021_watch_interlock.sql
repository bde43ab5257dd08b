-- Interlocks. Noise: the card's last words and their time, written with every command.
select nemo_mqtt.watch('NEMO_interlock', 'most_recent_reply', 'most_recent_reply_time'), nemo_mqtt.finish_migration('000021_watch_interlock');
