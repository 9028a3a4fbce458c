/*
 * Frames of the link: COBS, a CRC and a 0x00 delimiter around every packet (docs/link-protocol.md).
 *
 * The receiver takes one byte at a time, never holds more than one packet and starts afresh at every 0x00, so that
 * noise costs at most the frames that it touches. It reports errors, it does not count them: link.c does.
 * What a packet means is link.c's business too.
 */
#ifndef LINK_FRAME_H
#define LINK_FRAME_H

#include <stdint.h>

#include "link/crc.h"
#include "link/messages.gen.h"
#include "runtime/bytes.h"

enum frame_result {
    FRAME_PENDING, /* nothing yet */
    FRAME_PACKET,  /* packet[0 .. length) holds a whole packet, until the next byte is fed */
    FRAME_ERROR,   /* bad COBS, length or version; reported once a frame */
    FRAME_CRC      /* wrong CRC */
};

struct frame_receiver {
    uint8_t packet[LINK_MAX_PACKET]; /* header, payload, CRC */
    uint8_t length;                  /* bytes of packet so far */
    uint8_t run;                     /* bytes until the next COBS code */
    uint8_t started : 1;             /* a code came since the last delimiter */
    uint8_t skipping : 1;            /* this frame is bad: wait for its delimiter */
};

/** Forgets what was received so far. */
void frame_reset(struct frame_receiver *receiver);

/** Takes one byte from the wire. Empty frames (two delimiters in a row) are no error. */
enum frame_result frame_receive(struct frame_receiver *receiver, uint8_t byte);

/** Of a whole packet: its type, sequence number and payload. */
static inline uint8_t frame_type(const struct frame_receiver *receiver) {
    return receiver->packet[0] & LINK_TYPE_MASK;
}
static inline uint16_t frame_sequence(const struct frame_receiver *receiver) {
    return word_at(receiver->packet + 1);
}
static inline const uint8_t *frame_payload(const struct frame_receiver *receiver) {
    return receiver->packet + LINK_HEADER_LENGTH;
}
static inline uint8_t frame_payload_length(const struct frame_receiver *receiver) {
    return (uint8_t)(receiver->length - LINK_HEADER_LENGTH - LINK_CRC_LENGTH);
}

/* Where a payload is to be packed in the buffer that frame_encode turns into a frame: behind COBS code and header. */
#define FRAME_PAYLOAD_OFFSET (1u + LINK_HEADER_LENGTH)

/**
 * Turns a payload that stands at wire + FRAME_PAYLOAD_OFFSET into a frame, in place.
 * `wire` has room for LINK_MAX_WIRE bytes; returns how many of them the frame takes, delimiter included.
 * Inline, because its one caller on a probe lies at the bottom of the deepest stack.
 */
static inline uint8_t frame_encode(uint8_t *wire, uint8_t type, uint16_t sequence, uint8_t payload_length) {
    uint8_t *packet = wire + 1;
    uint8_t length = (uint8_t)(LINK_HEADER_LENGTH + payload_length);
    uint8_t code_at = 0;
    uint16_t crc;
    uint8_t at;

    packet[0] = (uint8_t)(LINK_PROTOCOL_VERSION << LINK_VERSION_SHIFT | type);
    packet[1] = (uint8_t)sequence;
    packet[2] = high_byte(sequence);
    crc = crc_update(CRC_INITIAL, packet, length);
    packet[length] = (uint8_t)crc;
    packet[length + 1u] = high_byte(crc);
    length = (uint8_t)(length + LINK_CRC_LENGTH);
    /* Each zero, and the byte in front, becomes the distance to the next zero; the delimiter is the last of them. */
    wire[length + 1u] = 0;
    for (at = 1; at <= length + 1u; at++) {
        if (wire[at] == 0) {
            wire[code_at] = (uint8_t)(at - code_at);
            code_at = at;
        }
    }
    return (uint8_t)(length + 2u);
}

#endif
