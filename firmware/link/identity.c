/* Id of the probe, see identity.h. */
#include "link/identity.h"
#include "board/earl.h"
#include "link/crc.h"
#include "link/messages.gen.h"
#include "runtime/bytes.h"

#define ID_OFFSET  2u
#define CRC_OFFSET (ID_OFFSET + IDENTITY_LENGTH)

bool identity_read(const uint8_t *segment, uint8_t *id) {
    bool valid = segment[0] == BOARD_IDENTITY_MAGIC && segment[1] == BOARD_IDENTITY_LAYOUT &&
                 crc_update(CRC_INITIAL, segment, CRC_OFFSET) == word_at(segment + CRC_OFFSET);
    uint8_t i;

    for (i = 0; i < IDENTITY_LENGTH; i++) {
        id[i] = valid ? segment[ID_OFFSET + i] : 0;
    }
    return valid;
}
