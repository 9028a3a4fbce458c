/* Bytes that came before their socket did, see table.h: a client may send its first frames together with its handshake.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

struct early_bytes {
    struct early_bytes *next;
    uint32_t id;
    size_t length;
    uint8_t bytes[];
};

bool early_keep(struct sockets *sockets, uint32_t id, const uint8_t *bytes, size_t length) {
    struct early_bytes *early;

    if (length == 0) {
        return true;
    }
    early = malloc(sizeof *early + length);
    if (!early) {
        return false;
    }
    early->next = NULL;
    early->id = id;
    early->length = length;
    memcpy(early->bytes, bytes, length);
    if (sockets->early_last) {
        sockets->early_last->next = early;
    } else {
        sockets->early_first = early;
    }
    sockets->early_last = early;
    sockets->wake(sockets->owner);
    return true;
}

/* The first in the list, taken out of it. */
static struct early_bytes *take_first(struct sockets *sockets) {
    struct early_bytes *early = sockets->early_first;

    if (early) {
        sockets->early_first = early->next;
        if (!sockets->early_first) {
            sockets->early_last = NULL;
        }
    }
    return early;
}

void early_read(struct sockets *sockets,
                void (*read)(struct sockets *sockets, uint32_t id, const uint8_t *bytes, size_t length)) {
    struct early_bytes *early;

    while ((early = take_first(sockets)) != NULL) {
        for (size_t at = 0; at < early->length; at += READ_BYTES) {
            size_t length = early->length - at < READ_BYTES ? early->length - at : READ_BYTES;

            read(sockets, early->id, early->bytes + at, length);
        }
        free(early);
    }
}

void early_drop(struct sockets *sockets) {
    struct early_bytes *early;

    while ((early = take_first(sockets)) != NULL) {
        free(early);
    }
}
