/* Opens signed messages of nemo-mqtt, for ESP32 and everything else that has cJSON and mbed TLS (both are part of
 * ESP-IDF and of the Arduino core for ESP32).
 *
 *   char *event = nemo_mqtt_open(message, length, SECRET);
 *   if (event == NULL) return;   // must not be believed
 *   ... cJSON_Parse(event) ...
 *   free(event);
 */
#ifndef NEMO_MQTT_VERIFY_H
#define NEMO_MQTT_VERIFY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The payload of a message that was signed with this secret, ended by a zero byte and to be freed by the caller; NULL
 * when the message must not be believed, or memory is short. The message need not end with a zero byte. */
char *nemo_mqtt_open(const char *message, size_t length, const char *secret);

#ifdef __cplusplus
}
#endif

#endif
