/* The receiving side of a WebSocket server: bytes in any pieces become messages (RFC 6455, sections 5 and 7.4).
 *
 * Frames that are there as a whole are unmasked where they lie; only a message that is not complete is copied. Texts
 * are checked to be UTF-8. There are no extensions: a frame with a reserved bit is an error. What is refused, and with
 * which code, is what the `ws` package does, which serves where this code cannot (docs/adr/0010). */
#ifndef EARL_NATIVE_FRAMING_H
#define EARL_NATIVE_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_opcode { WS_CONTINUATION = 0x0, WS_TEXT = 0x1, WS_BINARY = 0x2, WS_CLOSE = 0x8, WS_PING = 0x9, WS_PONG = 0xA };

/* Close codes, and what ws_read returns. */
enum ws_code {
    WS_GO_ON = 0,
    /* A close frame has been handed on, or the sink wants no more. */
    WS_STOP = 1,
    WS_PROTOCOL_ERROR = 1002,
    WS_NO_STATUS = 1005,
    WS_ABNORMAL = 1006,
    WS_BAD_TEXT = 1007,
    WS_TOO_MANY_FRAGMENTS = 1008,
    WS_TOO_LONG = 1009,
    WS_NO_MEMORY = 1011
};

#define WS_MOST_HEADER        14
#define WS_MOST_CONTROL       125
#define WS_MOST_SERVER_HEADER 10

struct ws_limits {
    size_t message_bytes;
    /* Of one message, 1 or more. */
    uint32_t fragments;
};

/* What is kept of a message or control frame that is not complete. */
struct ws_incomplete;

/* Of one connection; begins as zeros. Idle, it holds no memory beside itself. */
struct ws_reader {
    struct ws_incomplete *incomplete;
    uint64_t remaining;
    uint8_t header[WS_MOST_HEADER];
    uint8_t header_length;
    uint8_t opcode;
    uint8_t mask[4];
    uint8_t is_final;
    uint8_t in_payload;
    /* Opcode of the fragmented message that is not complete, or 0. */
    uint8_t fragmented;
};

/* Takes a whole message (WS_TEXT, WS_BINARY) or control frame. The bytes are valid during the call. False when no more
 * is wanted; then it may have freed the reader's memory (ws_reader_free). */
typedef bool (*ws_sink)(void *context, enum ws_opcode opcode, const uint8_t *bytes, size_t length);

/* Reads bytes, which are overwritten. WS_GO_ON, WS_STOP, or the code to close with; after the latter two it is not to
 * be called again. */
int ws_read(struct ws_reader *reader, const struct ws_limits *limits, uint8_t *bytes, size_t length, ws_sink sink,
            void *context);

void ws_reader_free(struct ws_reader *reader);

/* Code of a close frame that ws_read has handed on. */
uint16_t ws_close_code(const uint8_t *payload, size_t length);

/* Writes a server's header, of at most WS_MOST_SERVER_HEADER bytes, for a whole frame; its length. */
size_t ws_write_header(uint8_t *bytes, enum ws_opcode opcode, size_t length);

#endif
