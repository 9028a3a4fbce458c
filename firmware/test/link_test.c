/*
 * The probe's end of the link: sessions, acks exactly once, what is dropped and what never is, counters, registers.
 * Every packet up is decoded with the generated code of messages.gen.h, which link.c does not use to pack.
 * Over 500 lines in one file because all cases drive one link through the same few functions below.
 */
#include <string.h>

#include "board/earl.h"
#include "link/crc.h"
#include "link/identity.h"
#include "link/link.h"
#include "test/fake_hal.h"
#include "test/runner.h"
#include "test/scripted_bus.h"

const struct link_profile probe_profile = {LINK_KIND_ARM, LINK_CAP_MOTOR | LINK_CAP_REGISTERS};

static struct link device;
static unsigned executed;

/* The image under test executes set_brightness, counts, and answers with its payload. */
static uint8_t execute(void) {
    if (frame_type(&device.receiver) != LINK_MSG_SET_BRIGHTNESS) {
        return LINK_STATUS_UNSUPPORTED;
    }
    executed++;
    link_copy(device.ack.data, frame_payload(&device.receiver), 2);
    device.ack.data_length = 2;
    return LINK_STATUS_OK;
}

/* --- the host's side ---------------------------------------------------------------------------------------------- */

struct packet {
    uint8_t type;
    uint16_t sequence;
    uint8_t payload[LINK_MAX_PAYLOAD];
    uint8_t length;
};

static struct frame_receiver host;
static unsigned host_read; /* how far into fake.tx */

/* The next packet that the probe has sent; type 0 when there is none. */
static struct packet next_packet(void) {
    struct packet packet = {0};

    while (host_read < fake.tx_length) {
        enum frame_result result = frame_receive(&host, fake.tx[host_read++]);

        CHECK(result == FRAME_PENDING || result == FRAME_PACKET);
        if (result == FRAME_PACKET) {
            packet.type = frame_type(&host);
            packet.sequence = frame_sequence(&host);
            packet.length = frame_payload_length(&host);
            memcpy(packet.payload, frame_payload(&host), packet.length);
            break;
        }
    }
    return packet;
}

static void put_bytes(const uint8_t *bytes, uint8_t length) {
    memcpy(fake.rx + fake.rx_head, bytes, length);
    fake.rx_head += length;
}

static void put(uint8_t type, uint16_t sequence, const uint8_t *payload, uint8_t length) {
    uint8_t wire[LINK_MAX_WIRE];

    if (length > 0) {
        memcpy(wire + FRAME_PAYLOAD_OFFSET, payload, length);
    }
    put_bytes(wire, frame_encode(wire, type, sequence, length));
}

static uint8_t poll(void) {
    while (link_poll(&device)) {
        link_answer(&device, execute());
    }
    return link_happened(&device);
}

static void greet(uint16_t session) {
    uint8_t payload[2];

    link_put_u16(payload, session);
    put(LINK_MSG_HELLO_REQUEST, 0, payload, 2);
}

static void check_ack(uint16_t sequence, uint8_t status, uint8_t data_length) {
    struct packet packet = next_packet();
    struct link_ack ack;

    CHECK_EQ(packet.type, LINK_MSG_ACK);
    if (CHECK(link_unpack_ack(packet.payload, packet.length, &ack))) {
        CHECK_EQ(ack.command_sequence, sequence);
        CHECK_EQ(ack.status, status);
        CHECK_EQ(ack.data_length, data_length);
    }
}

static void start(void) {
    fake_reset();
    bus_reset();
    memset(&device, 0, sizeof device);
    executed = 0;
    frame_reset(&host);
    host_read = 0;
    link_init(&device);
}

/* Started, said hello, in session 7, and nothing left to read. */
static void start_session(void) {
    start();
    poll();
    greet(7);
    poll();
    host_read = fake.tx_length;
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static struct link_hello check_hello(uint16_t sequence) {
    struct packet packet = next_packet();
    struct link_hello hello = {0};

    CHECK_EQ(packet.type, LINK_MSG_HELLO);
    CHECK_EQ(packet.sequence, sequence);
    CHECK_EQ(packet.length, LINK_LENGTH_HELLO);
    CHECK(link_unpack_hello(packet.payload, packet.length, &hello));
    return hello;
}

TEST(says_hello_after_start) {
    static const uint8_t zeros[8] = {0};
    struct link_hello hello;

    start();
    CHECK_EQ(fake.tx[0], 0);
    CHECK_EQ(poll(), LINK_GREETED);
    hello = check_hello(0);
    CHECK_EQ(hello.kind, LINK_KIND_ARM);
    CHECK_EQ(hello.version_major, 0);
    CHECK_EQ(hello.version_minor, 1);
    CHECK_EQ(hello.version_patch, 0);
    CHECK_BYTES(hello.id, zeros, 8);
    CHECK_EQ(hello.capabilities, LINK_CAP_MOTOR | LINK_CAP_REGISTERS);
    CHECK_EQ(hello.reset_cause, LINK_RESET_RESET_PIN);
    CHECK_EQ(hello.boots, 0x0304);
    CHECK_EQ(hello.interval_ms, 250);
    CHECK_EQ(hello.session, 0);
    CHECK_EQ(poll(), 0);
    CHECK_EQ(next_packet().type, 0);
}

static const uint8_t probe_id[8] = {0xea, 0xe1, 1, 2, 3, 4, 5, 6};

/* Writes a record: layout 1 with an id, layout 2 with the key 00 .. 0f as well. */
static void provision(uint8_t layout) {
    uint8_t end = layout == 1 ? 10 : 26;
    uint8_t i;

    memset(stand_in_identity, 0xff, sizeof stand_in_identity);
    stand_in_identity[0] = 0xea;
    stand_in_identity[1] = layout;
    memcpy(stand_in_identity + 2, probe_id, 8);
    for (i = 10; i < end; i++) {
        stand_in_identity[i] = (uint8_t)(i - 10u);
    }
    link_put_u16(stand_in_identity + end, crc_update(CRC_INITIAL, stand_in_identity, end));
}

/* Any damage to the record's bytes, and there is no id rather than a wrong one. */
static void check_damage(unsigned length) {
    unsigned at;

    for (at = 0; at < length; at++) {
        uint8_t read[8];
        uint8_t i;

        stand_in_identity[at] ^= 0x10;
        CHECK(!identity_read(stand_in_identity, read));
        CHECK(identity_key(stand_in_identity) == NULL);
        for (i = 0; i < 8; i++) {
            CHECK_EQ(read[i], 0);
        }
        stand_in_identity[at] ^= 0x10;
    }
}

TEST(tells_a_provisioned_id) {
    struct link_hello hello;

    start();
    provision(1);
    poll();
    hello = check_hello(0);
    CHECK_BYTES(hello.id, probe_id, 8);
    CHECK_EQ(hello.capabilities, LINK_CAP_MOTOR | LINK_CAP_REGISTERS | LINK_CAP_PROVISIONED);
    check_damage(12);
}

/* --- authentication ----------------------------------------------------------------------------------------------- */

TEST(tells_that_it_has_a_key) {
    struct link_hello hello;

    start();
    provision(2);
    poll();
    hello = check_hello(0);
    CHECK_BYTES(hello.id, probe_id, 8);
    CHECK_EQ(hello.capabilities, LINK_CAP_MOTOR | LINK_CAP_REGISTERS | LINK_CAP_PROVISIONED | LINK_CAP_AUTHENTICATES);
    CHECK(identity_key(stand_in_identity) == stand_in_identity + 10);
    check_damage(28);
    /* A layout of the future is none, however good its CRC. */
    provision(2);
    stand_in_identity[1] = 3;
    link_put_u16(stand_in_identity + 26, crc_update(CRC_INITIAL, stand_in_identity, 26));
    CHECK(!identity_read(stand_in_identity, hello.id));
    CHECK(identity_key(stand_in_identity) == NULL);
}

static const uint8_t nonce[8] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};

/* Nonces and proofs under the key 00 .. 0f for probe_id, by OpenSSL: SipHash-2-4 of 01, nonce, id. */
static const struct {
    uint8_t nonce[8];
    uint8_t proof[8];
} proofs[] = {
    {{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77}, {0x60, 0x83, 0x9e, 0xf1, 0x58, 0x50, 0xfe, 0xc4}},
    {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0xc3, 0x84, 0x1b, 0x8a, 0xcc, 0x5f, 0xc7, 0x5d}},
};

static void check_proof(uint16_t sequence, const uint8_t *proof) {
    struct packet packet = next_packet();

    CHECK_EQ(packet.type, LINK_MSG_ACK);
    CHECK_EQ(packet.length, 3 + 8);
    CHECK_EQ(link_get_u16(packet.payload), sequence);
    CHECK_EQ(packet.payload[2], LINK_STATUS_OK);
    CHECK_BYTES(packet.payload + 3, proof, 8);
}

TEST(proves_that_it_holds_its_key) {
    uint16_t i;

    start_session();
    provision(2);
    for (i = 0; i < 2; i++) {
        put(LINK_MSG_AUTHENTICATE, i, proofs[i].nonce, 8);
        poll();
        check_proof(i, proofs[i].proof);
    }
    /* Asked again, it answers from memory, though the buffers of the first computation were used since. */
    put(LINK_MSG_AUTHENTICATE, 1, proofs[1].nonce, 8);
    poll();
    check_proof(1, proofs[1].proof);
    put(LINK_MSG_PING, 2, NULL, 0);
    poll();
    check_ack(2, LINK_STATUS_OK, 0);
}

TEST(proves_nothing_without_a_key_or_a_session) {
    start();
    provision(2);
    poll();
    check_hello(0);
    put(LINK_MSG_AUTHENTICATE, 1, nonce, 8);
    poll();
    check_ack(1, LINK_STATUS_NO_SESSION, 0);
    greet(7);
    put(LINK_MSG_AUTHENTICATE, 2, nonce, 7);
    poll();
    check_hello(2);
    check_ack(2, LINK_STATUS_BAD_ARGUMENT, 0);
    provision(1);
    put(LINK_MSG_AUTHENTICATE, 3, nonce, 8);
    poll();
    check_ack(3, LINK_STATUS_UNSUPPORTED, 0);
}

/* The state stands in the buffer that the UART sends from: nothing is computed while a sample is on the line. */
TEST(a_proof_waits_for_the_line) {
    start_session();
    provision(2);
    fake.tx_frames = 0;
    memset(device.wire, 0xa5, sizeof device.wire);
    put(LINK_MSG_AUTHENTICATE, 1, nonce, 8);
    poll();
    CHECK_EQ(device.wire[0], 0xa5);
    CHECK_EQ(device.wire[31], 0xa5);
    CHECK_EQ(next_packet().type, 0);
    fake.tx_frames = FAKE_ENDLESS;
    poll();
    check_proof(1, proofs[0].proof);
}

TEST(answers_hello_request_with_its_session) {
    start();
    poll();
    check_hello(0);
    greet(0x1234);
    CHECK_EQ(poll(), LINK_GREETED);
    CHECK_EQ(check_hello(1).session, 0x1234);
    greet(0);
    CHECK_EQ(poll(), 0);
    CHECK_EQ(device.frame_errors, 1);
}

TEST(executes_nothing_without_a_session) {
    static const uint8_t payload[2] = {0, 5};

    start();
    poll();
    check_hello(0);
    put(LINK_MSG_SET_BRIGHTNESS, 9, payload, 2);
    poll();
    check_ack(9, LINK_STATUS_NO_SESSION, 0);
    CHECK_EQ(executed, 0);
    /* Greeted, the very same command is executed. */
    greet(1);
    poll();
    check_hello(2);
    put(LINK_MSG_SET_BRIGHTNESS, 9, payload, 2);
    poll();
    check_ack(9, LINK_STATUS_OK, 2);
    CHECK_EQ(executed, 1);
}

TEST(executes_a_command_once) {
    static const uint8_t payload[2] = {0, 5};
    int i;

    start_session();
    for (i = 0; i < 5; i++) {
        put(LINK_MSG_SET_BRIGHTNESS, 100, payload, 2);
        poll();
        check_ack(100, LINK_STATUS_OK, 2);
    }
    CHECK_EQ(executed, 1);
    put(LINK_MSG_SET_BRIGHTNESS, 101, payload, 2);
    poll();
    check_ack(101, LINK_STATUS_OK, 2);
    CHECK_EQ(executed, 2);
}

TEST(same_session_keeps_the_memory_a_new_one_loses_it) {
    static const uint8_t payload[2] = {0, 5};

    start_session();
    put(LINK_MSG_SET_BRIGHTNESS, 100, payload, 2);
    greet(7);
    put(LINK_MSG_SET_BRIGHTNESS, 100, payload, 2);
    poll();
    CHECK_EQ(executed, 1);
    greet(8);
    put(LINK_MSG_SET_BRIGHTNESS, 100, payload, 2);
    poll();
    CHECK_EQ(executed, 2);
    check_ack(100, LINK_STATUS_OK, 2);
    CHECK_EQ(next_packet().type, LINK_MSG_HELLO);
    check_ack(100, LINK_STATUS_OK, 2);
    CHECK_EQ(next_packet().type, LINK_MSG_HELLO);
    check_ack(100, LINK_STATUS_OK, 2);
}

TEST(one_sequence_for_all_packets) {
    uint16_t wanted;

    start_session();
    wanted = device.sequence;
    put(LINK_MSG_PING, 1, NULL, 0);
    put(LINK_MSG_GET_COUNTERS, 2, NULL, 0);
    greet(7);
    poll();
    for (; host_read < fake.tx_length; wanted++) {
        CHECK_EQ(next_packet().sequence, wanted);
    }
    CHECK_EQ(wanted, device.sequence);
}

TEST(refuses_what_it_cannot_do) {
    static const uint8_t short_interval[1] = {100};

    start_session();
    put(LINK_MSG_VIBRATE, 1, (const uint8_t[]){50, 0, 1}, 3);
    put(63, 2, NULL, 0);
    put(LINK_MSG_AUTHENTICATE + 1, 3, NULL, 0);
    put(LINK_MSG_SET_INTERVAL, 4, short_interval, 1);
    put(LINK_MSG_ACK, 5, (const uint8_t[]){1, 2, 3}, 3);  /* an echo: not for us */
    put(LINK_MSG_PING, 6, (const uint8_t[]){1, 2, 3}, 3); /* longer than its table: fine */
    poll();
    check_ack(1, LINK_STATUS_UNSUPPORTED, 0);
    check_ack(2, LINK_STATUS_UNKNOWN_COMMAND, 0);
    check_ack(3, LINK_STATUS_UNKNOWN_COMMAND, 0);
    check_ack(4, LINK_STATUS_BAD_ARGUMENT, 0);
    check_ack(6, LINK_STATUS_OK, 0);
    CHECK_EQ(next_packet().type, 0);
}

TEST(interval_bounds) {
    static const struct {
        uint16_t ms;
        uint8_t status;
    } cases[] = {{20, 0}, {10000, 0}, {19, 2}, {10001, 2}, {0, 2}, {65535, 2}, {250, 0}};
    uint16_t i;

    start_session();
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t payload[2];

        link_put_u16(payload, cases[i].ms);
        put(LINK_MSG_SET_INTERVAL, i, payload, 2);
        poll();
        check_ack(i, cases[i].status, 0);
    }
    greet(7);
    poll();
    CHECK_EQ(check_hello(device.sequence - 1).interval_ms, 250);
}

TEST(samples_do_not_drift) {
    unsigned samples = 0;

    start_session();
    /* Main looks at odd times, up to 90 ms late; the mean rate stays. */
    while (fake.now_ms < 100000) {
        fake.now_ms += 1 + (fake.now_ms * 7919u) % 90;
        samples += link_sample_due(&device);
    }
    CHECK_EQ(samples, 400);
}

/* A sample that is due while an answer leaves waits for it; only a whole interval without the line costs one. */
TEST(samples_wait_for_the_line) {
    uint16_t before;

    start_session();
    before = device.sequence;
    fake.tx_frames = 0;
    fake.now_ms = 250;
    CHECK(!link_sample_due(&device));
    fake.now_ms = 260;
    CHECK(!link_sample_due(&device));
    fake.tx_frames = 1;
    CHECK(link_sample_due(&device));
    CHECK(!link_sample_due(&device));
    CHECK_EQ(device.dropped, 0);
    fake.tx_frames = 0;
    fake.now_ms = 500;
    CHECK(!link_sample_due(&device));
    fake.now_ms = 750;
    CHECK(!link_sample_due(&device));
    CHECK_EQ(device.dropped, 1);
    CHECK_EQ(device.sequence, (uint16_t)(before + 1));
    fake.tx_frames = 1;
    CHECK(link_sample_due(&device));
    fake.tx_frames = 0;
    put(LINK_MSG_PING, 1, NULL, 0);
    poll();
    fake.now_ms = 1000;
    CHECK(!link_sample_due(&device));
    fake.tx_frames = FAKE_ENDLESS;
    poll();
    CHECK(link_sample_due(&device));
    CHECK_EQ(device.dropped, 1);
}

TEST(counters_come_before_their_ack) {
    struct packet packet;
    struct link_counters counters;

    start_session();
    device.crc_errors = 0x1112;
    device.frame_errors = 0x1314;
    device.dropped = 0x1516;
    fake.now_ms = 0x21222324;
    put(LINK_MSG_GET_COUNTERS, 3, NULL, 0);
    poll();
    packet = next_packet();
    CHECK_EQ(packet.type, LINK_MSG_COUNTERS);
    CHECK_EQ(packet.length, LINK_LENGTH_COUNTERS);
    CHECK(link_unpack_counters(packet.payload, packet.length, &counters));
    CHECK_EQ(counters.time_ms, 0x21222324);
    CHECK_EQ(counters.awake_ms, 0x0a0b0c0d);
    CHECK_EQ(counters.rx_bytes, 0x01020304);
    CHECK_EQ(counters.tx_bytes, 0x05060708);
    CHECK_EQ(counters.crc_errors, 0x1112);
    CHECK_EQ(counters.frame_errors, 0x1314);
    CHECK_EQ(counters.overruns, 42);
    CHECK_EQ(counters.tx_dropped, 0x1516);
    CHECK_EQ(counters.i2c_errors, 0);
    CHECK_EQ(counters.boots, 0x0304);
    CHECK_EQ(counters.reset_cause, LINK_RESET_RESET_PIN);
    CHECK_EQ(counters.stack_high_water, 0x0102);
    check_ack(3, LINK_STATUS_OK, 0);
    /* Again: only the ack. */
    put(LINK_MSG_GET_COUNTERS, 3, NULL, 0);
    poll();
    check_ack(3, LINK_STATUS_OK, 0);
}

TEST(noise_is_counted_and_costs_its_frame_only) {
    uint8_t wire[LINK_MAX_WIRE];
    uint8_t length;

    start_session();
    length = frame_encode(wire, LINK_MSG_PING, 1, 0);
    wire[1] ^= 0x04;
    put_bytes(wire, length);
    wire[1] ^= 0x04;
    put_bytes((const uint8_t[]){5, 1, 2, 0}, 4);
    put_bytes(wire, length);
    poll();
    CHECK_EQ(device.crc_errors, 1);
    CHECK_EQ(device.frame_errors, 1);
    check_ack(1, LINK_STATUS_OK, 0);
    device.crc_errors = 0xffff;
    wire[1] ^= 0x04;
    put_bytes(wire, length);
    poll();
    CHECK_EQ(device.crc_errors, 0xffff);
}

/* An ack waits for the line; until it has left nothing else is executed or sent. */
TEST(acks_are_never_dropped) {
    static const uint8_t payload[2] = {1, 2};

    start_session();
    fake.tx_frames = 0;
    put(LINK_MSG_SET_BRIGHTNESS, 20, payload, 2);
    put(LINK_MSG_SET_BRIGHTNESS, 21, payload, 2);
    poll();
    poll();
    CHECK_EQ(executed, 1);
    fake.now_ms = 250;
    CHECK(!link_sample_due(&device));
    CHECK(!link_is_free(&device));
    CHECK_EQ(next_packet().type, 0);
    fake.tx_frames = 1;
    CHECK(!link_is_free(&device));
    fake.tx_frames = FAKE_ENDLESS;
    poll();
    check_ack(20, LINK_STATUS_OK, 2);
    check_ack(21, LINK_STATUS_OK, 2);
    CHECK_EQ(executed, 2);
    CHECK_EQ(fake.tx_torn, 0);
}

TEST(a_dropped_sample_leaves_a_gap) {
    struct link_arm_sample *sample = link_payload(&device);
    struct link_arm_sample read;
    struct packet packet;
    uint16_t before;

    start_session();
    before = device.sequence;
    fake.now_ms = 0x01020304;
    *sample = (struct link_arm_sample){0, -1, 0x1234, -32768};
    link_send(&device, LINK_MSG_ARM_SAMPLE, LINK_LENGTH_ARM_SAMPLE);
    packet = next_packet();
    CHECK_EQ(packet.sequence, before);
    CHECK(link_unpack_arm_sample(packet.payload, packet.length, &read));
    CHECK_EQ(read.time_ms, 0x01020304);
    CHECK_EQ(read.x, -1);
    CHECK_EQ(read.y, 0x1234);
    CHECK_EQ(read.z, -32768);
    fake.now_ms += 1000;
    CHECK(link_sample_due(&device));
    fake.tx_frames = 0;
    fake.now_ms += 250;
    CHECK(!link_sample_due(&device));
    fake.now_ms += 250;
    CHECK(!link_sample_due(&device));
    CHECK_EQ(device.dropped, 1);
    fake.tx_frames = FAKE_ENDLESS;
    CHECK(link_sample_due(&device));
    link_send(&device, LINK_MSG_ARM_SAMPLE, LINK_LENGTH_ARM_SAMPLE);
    CHECK_EQ(next_packet().sequence, (uint16_t)(before + 2));
}

/* However often the line is busy, nothing is torn or lost: hello, counters and their ack come, in this order. */
TEST(answers_survive_every_shortage) {
    uint8_t frames;

    for (frames = 0; frames < 4; frames++) {
        start_session();
        put(LINK_MSG_GET_COUNTERS, 1, NULL, 0);
        greet(7);
        fake.tx_frames = frames;
        poll();
        CHECK(frames > 2 || !link_is_free(&device));
        poll();
        fake.tx_frames = FAKE_ENDLESS;
        poll();
        CHECK_EQ(next_packet().type, LINK_MSG_COUNTERS);
        check_ack(1, LINK_STATUS_OK, 0);
        CHECK_EQ(next_packet().type, LINK_MSG_HELLO);
        CHECK_EQ(next_packet().type, 0);
        CHECK_EQ(fake.tx_torn, 0);
    }
}

TEST(events_ask_first) {
    struct packet packet;
    struct link_event event;

    start_session();
    fake.now_ms = 1234567;
    fake.tx_frames = 0;
    CHECK(!link_is_free(&device));
    fake.tx_frames = 1;
    CHECK(link_is_free(&device));
    link_raise(&device, LINK_EVENT_MOTION, 777);
    CHECK(!link_is_free(&device));
    packet = next_packet();
    CHECK_EQ(packet.type, LINK_MSG_EVENT);
    CHECK_EQ(packet.length, LINK_LENGTH_EVENT);
    CHECK(link_unpack_event(packet.payload, packet.length, &event));
    CHECK_EQ(event.time_ms, 1234567);
    CHECK_EQ(event.event, LINK_EVENT_MOTION);
    CHECK_EQ(event.value, 777);
}

TEST(reads_registers) {
    static const uint8_t command = 0x13;
    struct link_ack ack;
    struct packet packet;
    static const uint8_t values[4] = {0x44, 1, 2, 3};

    start_session();
    memcpy(bus_registers + 3, values, 4);
    bus_expect_write_read(0x45, &command, 1, 4);
    put(LINK_MSG_READ_REGISTERS, 1, (const uint8_t[]){0x45, 0x13, 4}, 3);
    CHECK_EQ(poll(), 0);
    packet = next_packet();
    CHECK(link_unpack_ack(packet.payload, packet.length, &ack));
    CHECK_EQ(ack.status, LINK_STATUS_OK);
    CHECK_EQ(ack.data_length, 4);
    CHECK_BYTES(ack.data, values, 4);
    /* Repeated: not read again. */
    put(LINK_MSG_READ_REGISTERS, 1, (const uint8_t[]){0x45, 0x13, 4}, 3);
    poll();
    check_ack(1, LINK_STATUS_OK, 4);
    put(LINK_MSG_READ_REGISTERS, 2, (const uint8_t[]){0x45, 0, 0}, 3);
    put(LINK_MSG_READ_REGISTERS, 3, (const uint8_t[]){0x45, 0, 17}, 3);
    put(LINK_MSG_READ_REGISTERS, 4, (const uint8_t[]){0x80, 0, 1}, 3);
    put(LINK_MSG_READ_REGISTERS, 5, (const uint8_t[]){0x45, 0}, 2);
    poll();
    check_ack(2, LINK_STATUS_BAD_ARGUMENT, 0);
    check_ack(3, LINK_STATUS_BAD_ARGUMENT, 0);
    check_ack(4, LINK_STATUS_BAD_ARGUMENT, 0);
    check_ack(5, LINK_STATUS_BAD_ARGUMENT, 0);
    CHECK_EQ(bus_violations(), 0);
}

TEST(writes_registers) {
    static const uint8_t bytes[] = {0x18, 0x33, 0x44};
    static const uint8_t command_only[] = {0x05};
    uint8_t longest[18] = {0x45};

    start_session();
    bus_expect_write(0x45, bytes, 3);
    put(LINK_MSG_WRITE_REGISTERS, 1, (const uint8_t[]){0x45, 0x18, 0x33, 0x44}, 4);
    CHECK_EQ(poll(), LINK_WROTE_REGISTERS);
    check_ack(1, LINK_STATUS_OK, 0);
    bus_expect_write(0x45, command_only, 1);
    put(LINK_MSG_WRITE_REGISTERS, 2, (const uint8_t[]){0x45, 0x05}, 2);
    poll();
    check_ack(2, LINK_STATUS_OK, 0);
    bus_expect_write(0x45, longest + 1, 17);
    put(LINK_MSG_WRITE_REGISTERS, 3, longest, 18);
    poll();
    check_ack(3, LINK_STATUS_OK, 0);
    put(LINK_MSG_WRITE_REGISTERS, 4, (const uint8_t[LINK_MAX_PAYLOAD]){0x45}, 19);
    put(LINK_MSG_WRITE_REGISTERS, 5, (const uint8_t[]){0x80, 0}, 2);
    put(LINK_MSG_WRITE_REGISTERS, 6, (const uint8_t[]){0x45}, 1);
    poll();
    check_ack(4, LINK_STATUS_BAD_ARGUMENT, 0);
    check_ack(5, LINK_STATUS_BAD_ARGUMENT, 0);
    check_ack(6, LINK_STATUS_BAD_ARGUMENT, 0);
    CHECK_EQ(bus_violations(), 0);
}

TEST(bus_failures_are_answered) {
    static const enum status failures[] = {STATUS_NACK, STATUS_TIMEOUT, STATUS_ARBITRATION};
    uint16_t i;

    start_session();
    bus_accept_all();
    for (i = 0; i < 3; i++) {
        bus_fail(0, 2, failures[i]);
        put(LINK_MSG_READ_REGISTERS, (uint16_t)(2 * i), (const uint8_t[]){0x45, 0, 3}, 3);
        poll();
        check_ack((uint16_t)(2 * i), (uint8_t)failures[i], 0);
        bus_fail(0, 0, failures[i]);
        put(LINK_MSG_WRITE_REGISTERS, (uint16_t)(2 * i + 1), (const uint8_t[]){0x45, 0, 3}, 3);
        poll();
        check_ack((uint16_t)(2 * i + 1), (uint8_t)failures[i], 0);
    }
}

TEST(reset_comes_after_its_ack) {
    volatile int resets = 0;

    start_session();
    fake.tx_frames = 0;
    put(LINK_MSG_RESET, 77, NULL, 0);
    if (setjmp(fake.on_reset) == 0) {
        poll();
        CHECK_EQ(next_packet().type, 0);
        fake.tx_frames = FAKE_ENDLESS;
        poll();
    } else {
        resets++;
    }
    CHECK_EQ(resets, 1);
    CHECK(fake.drained);
    check_ack(77, LINK_STATUS_OK, 0);
}

/* Whatever bytes come, nothing breaks and the next good command is answered. */
TEST(random_bytes) {
    uint32_t seed = 42;
    uint32_t state = seed;
    int round;

    start_session();
    bus_accept_all();
    for (round = 0; round < 3000; round++) {
        int i;

        fake.rx_head = fake.rx_tail = 0;
        fake.tx_length = host_read = 0;
        for (i = 0; i < 100; i++) {
            uint8_t byte;

            state = state * 1664525u + 1013904223u;
            byte = (uint8_t)((state >> 24) & (state >> 8 & 1 ? 0x07 : 0xff));
            put_bytes(&byte, 1);
        }
        put_bytes((const uint8_t[]){0}, 1);
        poll();
        fake.tx_length = host_read = 0;
        frame_reset(&host);
        put(LINK_MSG_PING, (uint16_t)round, NULL, 0);
        poll();
        check_ack((uint16_t)round, LINK_STATUS_OK, 0);
    }
    CHECK(device.frame_errors > 1000);
}

int main(void) {
    RUN(says_hello_after_start);
    RUN(tells_a_provisioned_id);
    RUN(tells_that_it_has_a_key);
    RUN(proves_that_it_holds_its_key);
    RUN(proves_nothing_without_a_key_or_a_session);
    RUN(a_proof_waits_for_the_line);
    RUN(answers_hello_request_with_its_session);
    RUN(executes_nothing_without_a_session);
    RUN(executes_a_command_once);
    RUN(same_session_keeps_the_memory_a_new_one_loses_it);
    RUN(one_sequence_for_all_packets);
    RUN(refuses_what_it_cannot_do);
    RUN(interval_bounds);
    RUN(samples_do_not_drift);
    RUN(samples_wait_for_the_line);
    RUN(counters_come_before_their_ack);
    RUN(noise_is_counted_and_costs_its_frame_only);
    RUN(acks_are_never_dropped);
    RUN(a_dropped_sample_leaves_a_gap);
    RUN(answers_survive_every_shortage);
    RUN(events_ask_first);
    RUN(reads_registers);
    RUN(writes_registers);
    RUN(bus_failures_are_answered);
    RUN(reset_comes_after_its_ack);
    RUN(random_bytes);
    return runner_finish("link");
}
