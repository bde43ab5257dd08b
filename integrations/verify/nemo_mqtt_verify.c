#include "nemo_mqtt_verify.h"

#include <stdlib.h>
#include <string.h>

#if __has_include(<cJSON.h>)
#include <cJSON.h> /* ESP-IDF */
#else
#include <cjson/cJSON.h>
#endif
#include <mbedtls/md.h>

#define SIGNATURE_BYTES 32

static const char *text_of(const cJSON *envelope, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(envelope, name);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

/* Takes the same time wherever the two differ. */
static int is_signature(const unsigned char *expected, const char *given) {
    static const char digits[] = "0123456789abcdef";
    unsigned char differs = 0;
    if (strlen(given) != 2 * SIGNATURE_BYTES) return 0;
    for (size_t i = 0; i < SIGNATURE_BYTES; i++) {
        differs |= (unsigned char)given[2 * i] ^ (unsigned char)digits[expected[i] >> 4];
        differs |= (unsigned char)given[2 * i + 1] ^ (unsigned char)digits[expected[i] & 15];
    }
    return differs == 0;
}

char *nemo_mqtt_open(const char *message, size_t length, const char *secret) {
    char *opened = NULL;
    cJSON *envelope = cJSON_ParseWithLength(message, length);
    /* Three children: no key can hide behind another of the same name. */
    if (cJSON_IsObject(envelope) && cJSON_GetArraySize(envelope) == 3) {
        const char *payload = text_of(envelope, "payload");
        const char *given = text_of(envelope, "hmac");
        const char *algo = text_of(envelope, "algo");
        unsigned char expected[SIGNATURE_BYTES];
        /* The message never chooses the algorithm. */
        if (payload != NULL && given != NULL && algo != NULL && strcmp(algo, "sha256") == 0 &&
            mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), (const unsigned char *)secret, strlen(secret),
                            (const unsigned char *)payload, strlen(payload), expected) == 0 &&
            is_signature(expected, given)) {
            size_t size = strlen(payload) + 1;
            opened = malloc(size);
            if (opened != NULL) memcpy(opened, payload, size);
        }
    }
    cJSON_Delete(envelope);
    return opened;
}
