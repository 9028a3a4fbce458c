/* Headers of WebSocket frames (RFC 6455, section 5.2), for framing.c. The writing side is in framing.h. */
#ifndef EARL_NATIVE_HEADER_H
#define EARL_NATIVE_HEADER_H

#include "framing.h"

#define WS_IS_CONTROL   0x08
#define WS_NOT_COMPLETE (-1)

struct ws_header {
    size_t length;
    uint64_t payload;
};

/* Looks at a client's header: WS_GO_ON when it is complete, WS_NOT_COMPLETE, or the code of an error. `room` is what
 * the message that the reader is in may still bring. */
int ws_parse_header(const struct ws_reader *reader, size_t room, const uint8_t *bytes, size_t available,
                    struct ws_header *header);

/* What the reader is to know of a header that is complete. */
void ws_begin_frame(struct ws_reader *reader, const uint8_t *bytes, const struct ws_header *header);

#endif
