/* Headers of WebSocket frames, see header.h. */
#include "header.h"

#include <string.h>

#define FINAL     0x80
#define RESERVED  0x70
#define OPCODE    0x0F
#define MASKED    0x80
#define LENGTH    0x7F
#define LENGTH_16 126
#define LENGTH_64 127
/* The largest integer that JavaScript counts exactly. */
#define MOST_LENGTH ((UINT64_C(1) << 53) - 1)

/* What the first two bytes of a frame may be. */
static bool is_allowed(const struct ws_reader *reader, uint8_t first, uint8_t second) {
    uint8_t length = second & LENGTH;

    if (first & RESERVED || !(second & MASKED)) {
        return false;
    }
    switch (first & OPCODE) {
    case WS_CONTINUATION:
        return reader->fragmented != 0;
    case WS_TEXT:
    case WS_BINARY:
        return reader->fragmented == 0;
    case WS_CLOSE:
        return first & FINAL && length <= WS_MOST_CONTROL && length != 1;
    case WS_PING:
    case WS_PONG:
        return first & FINAL && length <= WS_MOST_CONTROL;
    default:
        return false;
    }
}

static uint64_t big_endian(const uint8_t *bytes, size_t count) {
    uint64_t value = 0;

    for (size_t index = 0; index < count; index++) {
        value = (value << 8) | bytes[index];
    }
    return value;
}

int ws_parse_header(const struct ws_reader *reader, size_t room, const uint8_t *bytes, size_t available,
                    struct ws_header *header) {
    uint8_t length;
    size_t extended;

    if (available < 2) {
        return WS_NOT_COMPLETE;
    }
    if (!is_allowed(reader, bytes[0], bytes[1])) {
        return WS_PROTOCOL_ERROR;
    }
    length = bytes[1] & LENGTH;
    extended = length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0;
    if (available < 2 + extended) {
        return WS_NOT_COMPLETE;
    }
    header->payload = extended == 0 ? length : big_endian(bytes + 2, extended);
    if (!(bytes[0] & WS_IS_CONTROL) && (header->payload > MOST_LENGTH || header->payload > room)) {
        return WS_TOO_LONG;
    }
    header->length = 2 + extended + sizeof reader->mask;
    return available < header->length ? WS_NOT_COMPLETE : WS_GO_ON;
}

void ws_begin_frame(struct ws_reader *reader, const uint8_t *bytes, const struct ws_header *header) {
    reader->opcode = bytes[0] & OPCODE;
    reader->is_final = (bytes[0] & FINAL) != 0;
    reader->remaining = header->payload;
    memcpy(reader->mask, bytes + header->length - sizeof reader->mask, sizeof reader->mask);
}

uint16_t ws_close_code(const uint8_t *payload, size_t length) {
    return length < 2 ? WS_NO_STATUS : (uint16_t)big_endian(payload, 2);
}

size_t ws_write_header(uint8_t *bytes, enum ws_opcode opcode, size_t length) {
    size_t extended = length < LENGTH_16 ? 0 : length <= UINT16_MAX ? 2 : 8;

    bytes[0] = (uint8_t)(FINAL | opcode);
    bytes[1] = (uint8_t)(extended == 0 ? length : extended == 2 ? LENGTH_16 : LENGTH_64);
    for (size_t index = 0; index < extended; index++) {
        bytes[2 + index] = (uint8_t)(length >> (8 * (extended - 1 - index)));
    }
    return 2 + extended;
}
