/* UTF-8, see utf8.h. The ranges are those of the table in RFC 3629, section 4. */
#include "utf8.h"

#include <string.h>

#define EIGHT_HIGH_BITS 0x8080808080808080u

static bool is_within(uint8_t byte, uint8_t least, uint8_t most) {
    return byte >= least && byte <= most;
}

static bool is_tail(uint8_t byte) {
    return (byte & 0xC0) == 0x80;
}

/* Length of the sequence that begins with a byte above 0x7F, or 0 when there is none. */
static size_t sequence_length(const uint8_t *bytes, size_t available) {
    uint8_t first = bytes[0];

    if (is_within(first, 0xC2, 0xDF)) {
        return available >= 2 && is_tail(bytes[1]) ? 2 : 0;
    }
    if (is_within(first, 0xE0, 0xEF)) {
        uint8_t least = first == 0xE0 ? 0xA0 : 0x80;
        uint8_t most = first == 0xED ? 0x9F : 0xBF;

        return available >= 3 && is_within(bytes[1], least, most) && is_tail(bytes[2]) ? 3 : 0;
    }
    if (is_within(first, 0xF0, 0xF4)) {
        uint8_t least = first == 0xF0 ? 0x90 : 0x80;
        uint8_t most = first == 0xF4 ? 0x8F : 0xBF;

        return available >= 4 && is_within(bytes[1], least, most) && is_tail(bytes[2]) && is_tail(bytes[3]) ? 4 : 0;
    }
    return 0;
}

bool utf8_is_valid(const uint8_t *bytes, size_t length) {
    size_t at = 0;

    while (at < length) {
        uint64_t eight;
        size_t sequence;

        if (length - at >= sizeof eight) {
            memcpy(&eight, bytes + at, sizeof eight);
            if ((eight & EIGHT_HIGH_BITS) == 0) {
                at += sizeof eight;
                continue;
            }
        }
        if (bytes[at] < 0x80) {
            at++;
            continue;
        }
        sequence = sequence_length(bytes + at, length - at);
        if (sequence == 0) {
            return false;
        }
        at += sequence;
    }
    return true;
}
