-- Topics that hold a retained message of ours, so that they can be emptied when their tool or area is gone, the prefix
-- has changed or the setting was turned off: a retained message lives for ever unless whoever sent it takes it back.

create table if not exists nemo_mqtt.retained_topic (
  topic text primary key
);

select nemo_mqtt.finish_migration('000007_retained_topic');
