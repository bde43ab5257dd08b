-- Reservations. Noise: billing, and notes and answers, which are nobody's business.
select nemo_mqtt.watch('NEMO_reservation', 'validated', 'validated_by_id', 'waived', 'waived_by_id', 'waived_on', 'note', 'additional_information', 'question_data'), nemo_mqtt.finish_migration('000015_watch_reservation');
