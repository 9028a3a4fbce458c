/* WebSocket frames, see framing.h. */
#include "framing.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

#define FINAL      0x80
#define RESERVED   0x70
#define OPCODE     0x0F
#define MASKED     0x80
#define LENGTH     0x7F
#define LENGTH_16  126
#define LENGTH_64  127
#define IS_CONTROL 0x08
/* The largest integer that JavaScript counts exactly. */
#define MOST_LENGTH    ((UINT64_C(1) << 53) - 1)
#define LEAST_CAPACITY 256

struct ws_incomplete {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
    uint32_t fragments;
    uint8_t control_length;
    uint8_t control[WS_MOST_CONTROL];
};

struct header {
    size_t length;
    uint64_t payload;
};

#define NOT_COMPLETE (-1)

static void unmask(uint8_t *bytes, size_t length, const uint8_t mask[4]) {
    uint32_t four;
    uint64_t eight;
    size_t at = 0;

    memcpy(&four, mask, sizeof four);
    eight = ((uint64_t)four << 32) | four;
    for (; length - at >= sizeof eight; at += sizeof eight) {
        uint64_t word;

        memcpy(&word, bytes + at, sizeof word);
        word ^= eight;
        memcpy(bytes + at, &word, sizeof word);
    }
    for (; at < length; at++) {
        bytes[at] ^= mask[at & 3];
    }
}

/* The mask for what follows after some bytes. */
static void rotate(uint8_t mask[4], size_t by) {
    uint8_t rotated[4];

    for (size_t index = 0; index < 4; index++) {
        rotated[index] = mask[(index + by) & 3];
    }
    memcpy(mask, rotated, sizeof rotated);
}

static size_t message_length(const struct ws_reader *reader) {
    return reader->incomplete ? reader->incomplete->length : 0;
}

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

/* Looks at a frame's header: WS_GO_ON when it is complete, NOT_COMPLETE, or the code of an error. */
static int parse_header(const struct ws_reader *reader, const struct ws_limits *limits, const uint8_t *bytes,
                        size_t available, struct header *header) {
    uint8_t length;
    size_t extended;

    if (available < 2) {
        return NOT_COMPLETE;
    }
    if (!is_allowed(reader, bytes[0], bytes[1])) {
        return WS_PROTOCOL_ERROR;
    }
    length = bytes[1] & LENGTH;
    extended = length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0;
    if (available < 2 + extended) {
        return NOT_COMPLETE;
    }
    header->payload = extended == 0 ? length : big_endian(bytes + 2, extended);
    if (!(bytes[0] & IS_CONTROL)) {
        size_t room = limits->message_bytes - message_length(reader);

        if (header->payload > MOST_LENGTH || header->payload > room) {
            return WS_TOO_LONG;
        }
    }
    header->length = 2 + extended + sizeof reader->mask;
    return available < header->length ? NOT_COMPLETE : WS_GO_ON;
}

static void begin_frame(struct ws_reader *reader, const uint8_t *bytes, const struct header *header) {
    reader->opcode = bytes[0] & OPCODE;
    reader->is_final = (bytes[0] & FINAL) != 0;
    reader->remaining = header->payload;
    memcpy(reader->mask, bytes + header->length - sizeof reader->mask, sizeof reader->mask);
}

static bool is_sendable_code(uint16_t code) {
    if (code >= 3000 && code <= 4999) {
        return true;
    }
    return code >= 1000 && code <= 1014 && code != 1004 && code != WS_NO_STATUS && code != WS_ABNORMAL;
}

static int finish_control(const struct ws_reader *reader, const uint8_t *payload, size_t length, ws_sink sink,
                          void *context) {
    if (reader->opcode != WS_CLOSE) {
        return sink(context, (enum ws_opcode)reader->opcode, payload, length) ? WS_GO_ON : WS_STOP;
    }
    if (length > 0) {
        if (!is_sendable_code((uint16_t)big_endian(payload, 2))) {
            return WS_PROTOCOL_ERROR;
        }
        if (!utf8_is_valid(payload + 2, length - 2)) {
            return WS_BAD_TEXT;
        }
    }
    (void)sink(context, WS_CLOSE, payload, length);
    return WS_STOP;
}

static int finish_message(uint8_t opcode, const uint8_t *bytes, size_t length, ws_sink sink, void *context) {
    if (opcode == WS_TEXT && !utf8_is_valid(bytes, length)) {
        return WS_BAD_TEXT;
    }
    return sink(context, (enum ws_opcode)opcode, bytes, length) ? WS_GO_ON : WS_STOP;
}

/* A frame that is there as a whole and is a message, or a control frame. */
static int take_whole(struct ws_reader *reader, uint8_t *payload, ws_sink sink, void *context) {
    size_t length = (size_t)reader->remaining;

    unmask(payload, length, reader->mask);
    reader->remaining = 0;
    if (reader->opcode & IS_CONTROL) {
        return finish_control(reader, payload, length, sink, context);
    }
    return finish_message(reader->opcode, payload, length, sink, context);
}

/* Room for more bytes of a message; it grows as they come, not as a header announces. */
static bool reserve(struct ws_incomplete *incomplete, size_t more, size_t most) {
    size_t needed = incomplete->length + more;
    size_t capacity = incomplete->capacity ? incomplete->capacity : LEAST_CAPACITY;
    uint8_t *bytes;

    if (needed <= incomplete->capacity) {
        return true;
    }
    while (capacity < needed) {
        capacity *= 2;
    }
    if (capacity > most) {
        capacity = most;
    }
    bytes = realloc(incomplete->bytes, capacity);
    if (!bytes) {
        return false;
    }
    incomplete->bytes = bytes;
    incomplete->capacity = capacity;
    return true;
}

static int append(struct ws_reader *reader, const struct ws_limits *limits, uint8_t *bytes, size_t length) {
    struct ws_incomplete *incomplete = reader->incomplete;

    if (!incomplete) {
        incomplete = reader->incomplete = calloc(1, sizeof *incomplete);
        if (!incomplete) {
            return WS_NO_MEMORY;
        }
    }
    if (length == 0) {
        return WS_GO_ON;
    }
    unmask(bytes, length, reader->mask);
    rotate(reader->mask, length);
    if (reader->opcode & IS_CONTROL) {
        memcpy(incomplete->control + incomplete->control_length, bytes, length);
        incomplete->control_length += (uint8_t)length;
        return WS_GO_ON;
    }
    if (!reserve(incomplete, length, limits->message_bytes)) {
        return WS_NO_MEMORY;
    }
    memcpy(incomplete->bytes + incomplete->length, bytes, length);
    incomplete->length += length;
    return WS_GO_ON;
}

/* The end of a frame that came in pieces, or of a fragment. */
static int finish_collected(struct ws_reader *reader, const struct ws_limits *limits, ws_sink sink, void *context) {
    struct ws_incomplete *incomplete = reader->incomplete;
    uint8_t opcode = reader->opcode == WS_CONTINUATION ? reader->fragmented : reader->opcode;
    int result;

    if (opcode & IS_CONTROL) {
        uint8_t length = incomplete->control_length;

        incomplete->control_length = 0;
        result = finish_control(reader, incomplete->control, length, sink, context);
    } else if (++incomplete->fragments > limits->fragments) {
        return WS_TOO_MANY_FRAGMENTS;
    } else if (!reader->is_final) {
        reader->fragmented = opcode;
        return WS_GO_ON;
    } else {
        result = finish_message(opcode, incomplete->bytes, incomplete->length, sink, context);
        reader->fragmented = 0;
    }
    if (reader->fragmented == 0) {
        ws_reader_free(reader);
    }
    return result;
}

/* The header of the next frame, which may have begun in earlier bytes; how many bytes it took of these, or a status. */
static int take_header(struct ws_reader *reader, const struct ws_limits *limits, const uint8_t *bytes, size_t available,
                       size_t *taken) {
    size_t before = reader->header_length;
    size_t more = WS_MOST_HEADER - before < available ? WS_MOST_HEADER - before : available;
    const uint8_t *start = bytes;
    struct header header;
    int result;

    if (before > 0) {
        memcpy(reader->header + before, bytes, more);
        start = reader->header;
    }
    result = parse_header(reader, limits, start, before > 0 ? before + more : available, &header);
    if (result == NOT_COMPLETE) {
        if (before == 0) {
            memcpy(reader->header, bytes, more);
        }
        reader->header_length = (uint8_t)(before + more);
        *taken = more;
    } else if (result == WS_GO_ON) {
        begin_frame(reader, start, &header);
        reader->header_length = 0;
        *taken = header.length - before;
    }
    return result;
}

int ws_read(struct ws_reader *reader, const struct ws_limits *limits, uint8_t *bytes, size_t length, ws_sink sink,
            void *context) {
    size_t at = 0;

    while (at < length) {
        size_t available;
        int result;

        if (!reader->in_payload) {
            size_t taken = 0;

            result = take_header(reader, limits, bytes + at, length - at, &taken);
            at += taken;
            if (result != WS_GO_ON) {
                return result == NOT_COMPLETE ? WS_GO_ON : result;
            }
            if (length - at >= reader->remaining &&
                (reader->opcode & IS_CONTROL || (reader->is_final && reader->fragmented == 0))) {
                size_t payload = (size_t)reader->remaining;

                result = take_whole(reader, bytes + at, sink, context);
                at += payload;
                if (result != WS_GO_ON) {
                    return result;
                }
                continue;
            }
            reader->in_payload = 1;
        }
        available = length - at < reader->remaining ? length - at : (size_t)reader->remaining;
        result = append(reader, limits, bytes + at, available);
        at += available;
        reader->remaining -= available;
        if (result == WS_GO_ON && reader->remaining == 0) {
            reader->in_payload = 0;
            result = finish_collected(reader, limits, sink, context);
        }
        if (result != WS_GO_ON) {
            return result;
        }
    }
    return WS_GO_ON;
}

void ws_reader_free(struct ws_reader *reader) {
    if (reader->incomplete) {
        free(reader->incomplete->bytes);
        free(reader->incomplete);
        reader->incomplete = NULL;
    }
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
