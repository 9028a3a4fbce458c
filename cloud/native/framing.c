/* WebSocket frames, see framing.h. */
#include "framing.h"
#include "header.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_CAPACITY 256

struct ws_incomplete {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
    uint32_t fragments;
    uint8_t control_length;
    uint8_t control[WS_MOST_CONTROL];
};

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

/* What a message may still bring. */
static size_t room_of(const struct ws_reader *reader, const struct ws_limits *limits) {
    return limits->message_bytes - (reader->incomplete ? reader->incomplete->length : 0);
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
        if (!is_sendable_code(ws_close_code(payload, length))) {
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
    if (reader->opcode & WS_IS_CONTROL) {
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
    if (reader->opcode & WS_IS_CONTROL) {
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

    if (opcode & WS_IS_CONTROL) {
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
    struct ws_header header;
    int result;

    if (before > 0) {
        memcpy(reader->header + before, bytes, more);
        start = reader->header;
    }
    result = ws_parse_header(reader, room_of(reader, limits), start, before > 0 ? before + more : available, &header);
    if (result == WS_NOT_COMPLETE) {
        if (before == 0) {
            memcpy(reader->header, bytes, more);
        }
        reader->header_length = (uint8_t)(before + more);
        *taken = more;
    } else if (result == WS_GO_ON) {
        ws_begin_frame(reader, start, &header);
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
                return result == WS_NOT_COMPLETE ? WS_GO_ON : result;
            }
            if (length - at >= reader->remaining &&
                (reader->opcode & WS_IS_CONTROL || (reader->is_final && reader->fragmented == 0))) {
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
