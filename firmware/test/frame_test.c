/* Frames: the golden vectors of both codecs, every split point, truncation, corruption, noise, resynchronisation. */
#include <string.h>

#include "link/crc.h"
#include "link/frame.h"
#include "test/runner.h"
#include "test/vectors.gen.h"

/* What a receiver made of a stretch of bytes. */
struct tally {
    unsigned packets, frame_errors, crc_errors;
    uint8_t packet[LINK_MAX_PACKET]; /* the last one */
    uint8_t length;
};

static void feed(struct frame_receiver *receiver, struct tally *tally, const uint8_t *bytes, size_t length) {
    while (length-- > 0) {
        switch (frame_receive(receiver, *bytes++)) {
        case FRAME_PACKET:
            tally->packets++;
            tally->length = receiver->length;
            memcpy(tally->packet, receiver->packet, receiver->length);
            break;
        case FRAME_ERROR:
            tally->frame_errors++;
            break;
        case FRAME_CRC:
            tally->crc_errors++;
            break;
        case FRAME_PENDING:
            break;
        }
    }
}

static struct tally decode(const uint8_t *bytes, size_t length) {
    struct frame_receiver receiver;
    struct tally tally = {0};

    memset(&receiver, 0xaa, sizeof receiver);
    frame_reset(&receiver);
    feed(&receiver, &tally, bytes, length);
    return tally;
}

TEST(crc_of_the_check_string) {
    const uint8_t *digits = (const uint8_t *)"123456789";

    CHECK_EQ(crc_update(CRC_INITIAL, digits, 9), 0x29b1);
    CHECK_EQ(crc_update(CRC_INITIAL, digits, 0), 0xffff);
    CHECK_EQ(crc_update(crc_update(CRC_INITIAL, digits, 4), digits + 4, 5), 0x29b1);
}

/* The definition, bit by bit, against the shift-and-XOR form, for every byte on every of many states. */
TEST(crc_is_the_polynomial) {
    uint32_t state;

    for (state = 0; state < 0x10000; state += 251) {
        unsigned byte;

        for (byte = 0; byte < 256; byte++) {
            uint8_t b = (uint8_t)byte;
            uint16_t wanted = (uint16_t)(state ^ (byte << 8));
            int bit;

            for (bit = 0; bit < 8; bit++) {
                wanted = (uint16_t)(wanted & 0x8000 ? wanted << 1 ^ 0x1021 : wanted << 1);
            }
            CHECK_EQ(crc_update((uint16_t)state, &b, 1), wanted);
        }
    }
}

TEST(encodes_the_golden_vectors) {
    size_t i;

    for (i = 0; i < LINK_VECTOR_COUNT(link_valid_vectors); i++) {
        const struct link_vector *vector = &link_valid_vectors[i];
        uint8_t wire[LINK_MAX_WIRE];
        uint8_t length = vector->pack(wire + FRAME_PAYLOAD_OFFSET);

        CHECK_EQ(frame_encode(wire, vector->type, vector->sequence, length), vector->wire_length);
        CHECK_BYTES(wire, vector->wire, vector->wire_length);
    }
}

static void check_decodes(const struct link_vector *vector) {
    struct frame_receiver receiver;
    struct tally tally = {0};

    frame_reset(&receiver);
    feed(&receiver, &tally, vector->wire, vector->wire_length);
    CHECK_EQ(tally.packets, 1);
    CHECK_EQ(tally.frame_errors + tally.crc_errors, 0);
    CHECK_EQ(frame_type(&receiver), vector->type);
    CHECK_EQ(frame_sequence(&receiver), vector->sequence);
    CHECK_EQ(receiver.length, vector->packet_length);
    CHECK_BYTES(receiver.packet, vector->packet, vector->packet_length);
    CHECK(vector->matches(frame_payload(&receiver), frame_payload_length(&receiver)));
}

TEST(decodes_the_golden_vectors) {
    size_t i;

    for (i = 0; i < LINK_VECTOR_COUNT(link_valid_vectors); i++) {
        check_decodes(&link_valid_vectors[i]);
    }
    for (i = 0; i < LINK_VECTOR_COUNT(link_tolerated_vectors); i++) {
        check_decodes(&link_tolerated_vectors[i]);
    }
}

/* Of the last kinds of errors the framer knows nothing: these packets are whole. */
TEST(refuses_the_invalid_vectors) {
    size_t i;

    for (i = 0; i < LINK_VECTOR_COUNT(link_invalid_vectors); i++) {
        const struct link_invalid_vector *vector = &link_invalid_vectors[i];
        struct tally tally = decode(vector->wire, vector->wire_length);
        int framers = vector->error <= LINK_ERROR_VERSION;

        CHECK_EQ(tally.packets, !framers);
        CHECK_EQ(tally.crc_errors, vector->error == LINK_ERROR_CRC);
        CHECK_EQ(tally.frame_errors, framers && vector->error != LINK_ERROR_CRC);
    }
}

/* Two frames, cut anywhere, are two packets. The receiver has no state beyond its struct. */
TEST(every_split_point) {
    const struct link_vector *first = &link_valid_vectors[0];
    const struct link_vector *second = &link_valid_vectors[34];
    uint8_t stream[2 * LINK_MAX_WIRE];
    size_t length = (size_t)first->wire_length + second->wire_length;
    size_t cut;

    memcpy(stream, first->wire, first->wire_length);
    memcpy(stream + first->wire_length, second->wire, second->wire_length);
    for (cut = 0; cut <= length; cut++) {
        struct frame_receiver receiver;
        struct frame_receiver moved;
        struct tally tally = {0};

        frame_reset(&receiver);
        feed(&receiver, &tally, stream, cut);
        moved = receiver;
        memset(&receiver, 0x55, sizeof receiver);
        feed(&moved, &tally, stream + cut, length - cut);
        CHECK_EQ(tally.packets, 2);
        CHECK_EQ(tally.frame_errors + tally.crc_errors, 0);
        CHECK_BYTES(tally.packet, second->packet, second->packet_length);
    }
}

/* A frame cut off anywhere costs at most itself; the next one is received. */
TEST(truncation_at_every_byte) {
    size_t i;

    for (i = 0; i < LINK_VECTOR_COUNT(link_valid_vectors); i++) {
        const struct link_vector *vector = &link_valid_vectors[i];
        uint8_t keep;

        for (keep = 0; keep < vector->wire_length - 1; keep++) {
            uint8_t stream[2 * LINK_MAX_WIRE];
            struct tally tally;

            memcpy(stream, vector->wire, keep);
            stream[keep] = 0;
            memcpy(stream + keep + 1, link_valid_vectors[1].wire, link_valid_vectors[1].wire_length);
            tally = decode(stream, (size_t)keep + 1 + link_valid_vectors[1].wire_length);
            CHECK_EQ(tally.packets, 1);
            CHECK_EQ(tally.frame_errors + tally.crc_errors, keep > 0);
            CHECK_BYTES(tally.packet, link_valid_vectors[1].packet, link_valid_vectors[1].packet_length);
        }
    }
}

/* Any single wrong byte is noticed, and the frame after the next delimiter is received. */
TEST(corruption_of_every_byte) {
    const struct link_vector *vector = &link_valid_vectors[35];
    uint8_t at;

    for (at = 0; at < vector->wire_length; at++) {
        unsigned flip;

        for (flip = 1; flip < 256; flip++) {
            uint8_t stream[3 * LINK_MAX_WIRE];
            size_t length = vector->wire_length;
            struct tally tally;

            memcpy(stream, vector->wire, length);
            stream[at] ^= (uint8_t)flip;
            stream[length++] = 0;
            memcpy(stream + length, vector->wire, vector->wire_length);
            length += vector->wire_length;
            tally = decode(stream, length);
            CHECK_EQ(tally.packets, 1);
            CHECK(tally.frame_errors + tally.crc_errors >= 1);
            CHECK_BYTES(tally.packet, vector->packet, vector->packet_length);
        }
    }
}

TEST(never_holds_more_than_a_packet) {
    uint8_t noise[1000];
    struct tally tally;

    memset(noise, 0x7f, sizeof noise);
    tally = decode(noise, sizeof noise);
    CHECK_EQ(tally.frame_errors, 1);
    noise[sizeof noise - 1] = 0;
    tally = decode(noise, sizeof noise);
    CHECK_EQ(tally.frame_errors, 1);
    CHECK_EQ(tally.packets, 0);
}

TEST(empty_frames_are_silence) {
    static const uint8_t zeros[10] = {0};
    struct tally tally = decode(zeros, sizeof zeros);

    CHECK_EQ(tally.packets + tally.frame_errors + tally.crc_errors, 0);
}

/* Round trips of random payloads, lengths 0 to the longest, many zeros; printed seed. */
TEST(random_round_trips) {
    uint32_t seed = 20130506;
    uint32_t state = seed;
    int round;

    for (round = 0; round < 20000; round++) {
        uint8_t wire[LINK_MAX_WIRE];
        uint8_t payload[LINK_MAX_PAYLOAD];
        struct frame_receiver receiver;
        struct tally tally = {0};
        uint8_t length;
        uint8_t i;

        state = state * 1664525u + 1013904223u;
        length = (uint8_t)((state >> 16) % (LINK_MAX_PAYLOAD + 1));
        for (i = 0; i < length; i++) {
            state = state * 1664525u + 1013904223u;
            payload[i] = state & 0x40000000 ? 0 : (uint8_t)(state >> 16);
        }
        memcpy(wire + FRAME_PAYLOAD_OFFSET, payload, length);
        frame_reset(&receiver);
        i = frame_encode(wire, 5, (uint16_t)round, length);
        CHECK_EQ(i, length + 7);
        CHECK(memchr(wire, 0, i) == wire + i - 1);
        feed(&receiver, &tally, wire, i);
        if (!CHECK(tally.packets == 1 && frame_payload_length(&receiver) == length)) {
            printf("seed %u, round %d\n", (unsigned)seed, round);
            return;
        }
        CHECK_BYTES(frame_payload(&receiver), payload, length);
        CHECK_EQ(frame_sequence(&receiver), (uint16_t)round);
    }
}

int main(void) {
    RUN(crc_of_the_check_string);
    RUN(crc_is_the_polynomial);
    RUN(encodes_the_golden_vectors);
    RUN(decodes_the_golden_vectors);
    RUN(refuses_the_invalid_vectors);
    RUN(every_split_point);
    RUN(truncation_at_every_byte);
    RUN(corruption_of_every_byte);
    RUN(never_holds_more_than_a_packet);
    RUN(empty_frames_are_silence);
    RUN(random_round_trips);
    return runner_finish("frame");
}
