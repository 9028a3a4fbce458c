/* Id and key of the probe, see identity.h. */
#include "link/identity.h"

#include <stddef.h>

#include "board/earl.h"
#include "board/features.h"
#include "link/crc.h"
#include "link/messages.gen.h"
#include "runtime/bytes.h"

#define ID_OFFSET  2u
#define KEY_OFFSET (ID_OFFSET + IDENTITY_LENGTH)
#define KEY_LENGTH 16u

/* Is there a record of this layout, whose CRC covers that many bytes? */
static bool identity_is(const uint8_t *segment, uint8_t layout, uint8_t covered) {
    return segment[0] == BOARD_IDENTITY_MAGIC && segment[1] == layout &&
           crc_update(CRC_INITIAL, segment, covered) == word_at(segment + covered);
}

#if FEATURE_AUTHENTICATION
const uint8_t *identity_key(const uint8_t *segment) {
    return identity_is(segment, BOARD_IDENTITY_LAYOUT_KEY, KEY_OFFSET + KEY_LENGTH) ? segment + KEY_OFFSET : NULL;
}
#endif

bool identity_read(const uint8_t *segment, uint8_t *id) {
    bool valid = identity_is(segment, BOARD_IDENTITY_LAYOUT, KEY_OFFSET);
    uint8_t i;

#if FEATURE_AUTHENTICATION
    valid = valid || identity_key(segment) != NULL;
#endif
    for (i = 0; i < IDENTITY_LENGTH; i++) {
        id[i] = valid ? segment[ID_OFFSET + i] : 0;
    }
    return valid;
}
