/* Reads vectors on standard input and prints one line of JSON: the payload of each message that is believed, else null. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nemo_mqtt_verify.h"

int main(void) {
    size_t size = 0, room = 1 << 24;
    char *input = malloc(room);
    size = fread(input, 1, room, stdin);
    cJSON *vectors = cJSON_ParseWithLength(input, size);
    const char *secret = cJSON_GetStringValue(cJSON_GetObjectItem(vectors, "secret"));
    cJSON *answers = cJSON_CreateArray(), *vector = NULL;
    cJSON_ArrayForEach(vector, cJSON_GetObjectItem(vectors, "messages")) {
        const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(vector, "message"));
        char *opened = nemo_mqtt_open(text, strlen(text), secret);
        cJSON_AddItemToArray(answers, opened == NULL ? cJSON_CreateNull() : cJSON_CreateString(opened));
        free(opened);
    }
    char *printed = cJSON_PrintUnformatted(answers);
    puts(printed);
    free(printed);
    cJSON_Delete(answers);
    cJSON_Delete(vectors);
    free(input);
    return 0;
}
