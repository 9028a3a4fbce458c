/* Frames of the link, see frame.h. COBS follows Cheshire and Baker, "Consistent Overhead Byte Stuffing" (1999). */
#include "link/frame.h"
#include "link/crc.h"
#include "runtime/bytes.h"

#define LEAST_PACKET (LINK_HEADER_LENGTH + LINK_CRC_LENGTH)

void frame_reset(struct frame_receiver *receiver) {
    receiver->length = 0;
    receiver->run = 0;
    receiver->started = 0;
    receiver->skipping = 0;
}

static enum frame_result frame_append(struct frame_receiver *receiver, uint8_t byte) {
    if (receiver->length == LINK_MAX_PACKET) {
        receiver->skipping = 1;
        return FRAME_ERROR;
    }
    receiver->packet[receiver->length++] = byte;
    return FRAME_PENDING;
}

static enum frame_result frame_check(const struct frame_receiver *receiver) {
    const uint8_t *packet = receiver->packet;
    uint8_t covered = (uint8_t)(receiver->length - LINK_CRC_LENGTH);

    if (receiver->length < LEAST_PACKET) {
        return FRAME_ERROR;
    }
    if (crc_update(CRC_INITIAL, packet, covered) != word_at(packet + covered)) {
        return FRAME_CRC;
    }
    /* After the CRC, so that noise in the first byte does not look like a newer protocol. */
    if (packet[0] >> LINK_VERSION_SHIFT != LINK_PROTOCOL_VERSION) {
        return FRAME_ERROR;
    }
    return FRAME_PACKET;
}

/* A delimiter. Only the flags are cleared before the next frame begins: the packet stays readable until then. */
static enum frame_result frame_finish(struct frame_receiver *receiver) {
    uint8_t empty = !receiver->started;
    uint8_t reported = receiver->skipping;
    uint8_t truncated = receiver->run != 0;

    receiver->started = 0;
    receiver->skipping = 0;
    receiver->run = 0;
    if (empty || reported) {
        return FRAME_PENDING;
    }
    return truncated ? FRAME_ERROR : frame_check(receiver);
}

enum frame_result frame_receive(struct frame_receiver *receiver, uint8_t byte) {
    if (byte == 0) {
        return frame_finish(receiver);
    }
    if (receiver->skipping) {
        return FRAME_PENDING;
    }
    if (receiver->run != 0) {
        receiver->run--;
        return frame_append(receiver, byte);
    }
    /* A COBS code: every block but the first stands for a zero that was taken out before it. A code of 0xFF stands
     * for none, but a block of 254 bytes is longer than any packet and fails by itself. */
    receiver->run = (uint8_t)(byte - 1u);
    if (!receiver->started) {
        receiver->started = 1;
        receiver->length = 0;
        return FRAME_PENDING;
    }
    return frame_append(receiver, 0);
}
