/*
 * A radio module on the UART: its set-up, and what the link says and keeps to itself while the state pin is low. The
 * module is a script; the link and the set-up are the real ones. test/link/bridge.test.ts has whole modules.
 */
#include <string.h>

#include "board/earl.h"
#include "link/crc.h"
#include "link/link.h"
#include "test/fake_hal.h"
#include "test/runner.h"
#include "test/scripted_bus.h"

#define NAME_COMMAND "AT+NAMEEarl0abcdef9"

const struct link_profile probe_profile = {LINK_KIND_LED_TEST, LINK_CAP_REGISTERS};

static struct link device;
static unsigned read_up_to; /* of fake.tx */
static unsigned samples;    /* that were due */

static void provision(void) {
    static const uint8_t id[8] = {1, 2, 3, 4, 0x0a, 0xbc, 0xde, 0xf9};

    stand_in_identity[0] = BOARD_IDENTITY_MAGIC;
    stand_in_identity[1] = BOARD_IDENTITY_LAYOUT;
    memcpy(stand_in_identity + 2, id, sizeof id);
    link_put_u16(stand_in_identity + 10, crc_update(CRC_INITIAL, stand_in_identity, 10));
}

/* Starts with a module, to which nobody is connected. */
static void start_idle(void) {
    fake_reset();
    bus_reset();
    provision();
    memset(&device, 0, sizeof device);
    read_up_to = 0;
    samples = 0;
    fake.bridge_idle = true;
    link_init(&device);
}

static void pass(unsigned ms) {
    for (; ms != 0; ms--) {
        fake.now_ms++;
        CHECK(!link_poll(&device));
        samples += link_sample_due(&device);
    }
}

static void hear(const char *text) {
    memcpy(fake.rx + fake.rx_head, text, strlen(text));
    fake.rx_head += (unsigned)strlen(text);
}

static void put(uint8_t type, uint16_t sequence, const uint8_t *payload, uint8_t length) {
    uint8_t wire[LINK_MAX_WIRE];

    memcpy(wire + FRAME_PAYLOAD_OFFSET, payload, length);
    length = frame_encode(wire, type, sequence, length);
    memcpy(fake.rx + fake.rx_head, wire, length);
    fake.rx_head += length;
}

/* Was exactly this sent since the last call? */
static void check_said(const char *text) {
    CHECK_EQ(fake.tx_length - read_up_to, strlen(text));
    CHECK(memcmp(fake.tx + read_up_to, text, strlen(text)) == 0);
    read_up_to = fake.tx_length;
}

static void greet(uint16_t session) {
    uint8_t payload[2];

    link_put_u16(payload, session);
    put(LINK_MSG_HELLO_REQUEST, 0, payload, 2);
}

/* The sequence number of the first packet after the delimiter, which must be of this type. */
static uint16_t check_packet(uint8_t type) {
    struct frame_receiver host;
    enum frame_result result = FRAME_PENDING;

    frame_reset(&host);
    while (read_up_to < fake.tx_length && result != FRAME_PACKET) {
        result = frame_receive(&host, fake.tx[read_up_to++]);
    }
    CHECK_EQ(result, FRAME_PACKET);
    CHECK_EQ(frame_type(&host), type);
    return frame_sequence(&host);
}

/* --- set-up ------------------------------------------------------------------------------------------------------- */

TEST(names_a_module_that_has_another_name) {
    start_idle();
    pass(1199);
    check_said("");
    pass(3);
    check_said("AT+NAME?");
    hear("OK+NAME:HMSoft");
    pass(252);
    check_said("AT+PIO11");
    hear("OK+Set:1");
    pass(252);
    check_said(NAME_COMMAND);
    hear("OK+Set:Earl0abcdef9");
    pass(252);
    check_said("AT+RESET");
    hear("OK+RESET");
    pass(20000);
    check_said("");
    CHECK_EQ(device.crc_errors + device.frame_errors, 0);
}

TEST(leaves_a_module_alone_that_has_its_name) {
    start_idle();
    pass(1202);
    check_said("AT+NAME?");
    hear("OK+NAME:Earl0abcdef9");
    pass(20000);
    check_said("");
}

/* Whatever is not the whole name, and nothing but the name, is another one. */
TEST(knows_its_name_from_others) {
    static const char *const others[] = {
        "OK+NAME:Earl0abcdef",
        "OK+NAME:Earl0abcdef90",
        "OK+NAME:Earl0abcdEf9",
        "OK+NAME:earl0abcdef9",
        "OK+NAME:Earl1abcdef9",
        "OK+NAME:",
        "OK",
    };
    unsigned i;

    for (i = 0; i < sizeof others / sizeof others[0]; i++) {
        start_idle();
        pass(1202);
        check_said("AT+NAME?");
        hear(others[i]);
        pass(252);
        check_said("AT+PIO11");
    }
    start_idle();
    pass(1202);
    check_said("AT+NAME?");
    hear("OK+NAME:EarEarl0abcdef9");
    pass(252);
    check_said("");
}

TEST(asks_three_times_and_no_more) {
    start_idle();
    pass(1202);
    check_said("AT+NAME?");
    pass(252);
    check_said("AT+NAME?");
    hear("%REBOOT%"); /* no reply */
    pass(252);
    check_said("AT+NAME?");
    pass(20000);
    check_said("");
    fake.bridge_idle = false;
    pass(10);
    fake.bridge_idle = true;
    pass(20000);
    check_said("");
}

TEST(takes_no_old_bytes_for_a_reply) {
    start_idle();
    device.pending = 0x10; /* a command is executed: nothing is read meanwhile */
    hear("OK+LOST");
    for (unsigned ms = 0; ms < 1202; ms++) {
        fake.now_ms++;
        (void)link_poll(&device);
    }
    check_said("AT+NAME?");
    device.pending = 0;
    pass(252);
    check_said("AT+NAME?");
}

/* From the factory the pin blinks: half a second up, half a second down. Commands go out in the low half only. */
TEST(sets_up_a_module_that_blinks) {
    unsigned phase;

    for (phase = 1; phase < 1000; phase += 83) {
        const char *const commands[] = {"AT+NAME?", "AT+PIO11", NAME_COMMAND, "AT+RESET"};
        unsigned command = 0;
        unsigned ms;

        start_idle();
        for (ms = 0; ms < 6000; ms++) {
            fake.bridge_idle = (ms + phase) % 1000 < 500;
            pass(1);
            if (fake.tx_length != read_up_to) {
                CHECK(fake.bridge_idle);
                CHECK(command < 4);
                check_said(commands[command++]);
                hear("OK+Set:x");
            }
        }
        CHECK_EQ(command, 4);
    }
}

TEST(sends_no_command_while_the_line_is_busy) {
    start_idle();
    fake.tx_frames = 0;
    pass(5000);
    CHECK_EQ(fake.tx_torn, 0);
    check_said("");
    fake.tx_frames = FAKE_ENDLESS;
    pass(3);
    check_said("AT+NAME?");
}

/* --- the link ----------------------------------------------------------------------------------------------------- */

/* Idle, set up, and nothing left to read. */
static void start_settled(void) {
    start_idle();
    pass(1202);
    hear("OK+NAME:Earl0abcdef9");
    pass(300);
    read_up_to = fake.tx_length;
}

TEST(is_silent_and_counts_nothing_while_nobody_is_connected) {
    start_settled();
    CHECK(link_is_free(&device));
    link_raise(&device, LINK_EVENT_BUTTON_PRESSED, 1);
    link_raise(&device, LINK_EVENT_BUTTON_RELEASED, 1);
    pass(10000);
    check_said("");
    CHECK_EQ(device.sequence, 0);
    CHECK_EQ(device.dropped, 0);
}

TEST(waits_for_the_host_after_a_connection) {
    start_settled();
    fake.bridge_idle = false;
    pass(10000);
    check_said("");
    greet(7);
    pass(1);
    CHECK_EQ(fake.tx[read_up_to], 0);
    read_up_to++;
    CHECK_EQ(check_packet(LINK_MSG_HELLO), 0);
    check_said("");
}

TEST(samples_begin_anew_with_the_host) {
    start_settled();
    fake.bridge_idle = false;
    pass(3000);
    greet(7);
    pass(250);
    CHECK_EQ(samples, 0);
    pass(1);
    CHECK_EQ(samples, 1);
    pass(1000);
    CHECK_EQ(samples, 5);
    fake.bridge_idle = true;
    pass(3000);
    CHECK_EQ(samples, 5);
    CHECK_EQ(device.dropped, 0);
}

TEST(keeps_its_interval_over_a_connection) {
    uint8_t payload[2];

    start_settled();
    fake.bridge_idle = false;
    greet(7);
    link_put_u16(payload, 1000);
    put(LINK_MSG_SET_INTERVAL, 1, payload, 2);
    pass(5);
    fake.bridge_idle = true;
    pass(5000);
    fake.bridge_idle = false;
    greet(8);
    pass(1000);
    CHECK_EQ(samples, 0);
    pass(1);
    CHECK_EQ(samples, 1);
}

/* Numbers go on where they were: the host sees what the radio lost, and only that. */
TEST(sequence_numbers_stand_still_while_nobody_listens) {
    uint16_t sequence;

    start_settled();
    fake.bridge_idle = false;
    greet(7);
    pass(1);
    read_up_to++;
    sequence = check_packet(LINK_MSG_HELLO);
    link_raise(&device, LINK_EVENT_MOTION, 5);
    CHECK_EQ(check_packet(LINK_MSG_EVENT), sequence + 1);
    fake.bridge_idle = true;
    pass(10);
    link_raise(&device, LINK_EVENT_MOTION, 6);
    pass(1000);
    fake.bridge_idle = false;
    pass(10);
    link_raise(&device, LINK_EVENT_MOTION, 7);
    greet(8);
    pass(1);
    CHECK_EQ(fake.tx[read_up_to++], 0);
    CHECK_EQ(check_packet(LINK_MSG_HELLO), sequence + 2);
}

/* What stands in a module's buffer when its connection is gone opens nothing. */
TEST(hears_nobody_while_the_pin_is_low) {
    start_settled();
    greet(7);
    pass(100);
    check_said("");
    CHECK_EQ(device.session, 0);
    CHECK(!device.open);
}

TEST(answers_a_host_that_does_not_greet) {
    start_settled();
    fake.bridge_idle = false;
    put(LINK_MSG_PING, 3, (const uint8_t[]){0}, 0);
    pass(1);
    CHECK_EQ(fake.tx[read_up_to++], 0);
    (void)check_packet(LINK_MSG_ACK);
}

TEST(status_strings_cost_the_frame_that_they_touch) {
    start_settled();
    fake.bridge_idle = false;
    hear("%CONNECT,0,801F0298DCE0%%STREAM_OPEN%");
    pass(5);
    check_said("");
    fake.rx[fake.rx_head++] = 0; /* with which a host begins */
    greet(7);
    pass(1);
    read_up_to++;
    (void)check_packet(LINK_MSG_HELLO);
    CHECK_EQ(device.frame_errors + device.crc_errors, 1);
}

TEST(a_wire_needs_no_module) {
    start_idle();
    memset(&device, 0, sizeof device);
    fake.bridge_idle = false;
    link_init(&device);
    pass(1);
    CHECK_EQ(fake.tx[0], 0);
    read_up_to = 1;
    CHECK_EQ(check_packet(LINK_MSG_HELLO), 0);
    pass(20000);
    check_said("");
}

int main(void) {
    RUN(names_a_module_that_has_another_name);
    RUN(leaves_a_module_alone_that_has_its_name);
    RUN(knows_its_name_from_others);
    RUN(asks_three_times_and_no_more);
    RUN(takes_no_old_bytes_for_a_reply);
    RUN(sets_up_a_module_that_blinks);
    RUN(sends_no_command_while_the_line_is_busy);
    RUN(is_silent_and_counts_nothing_while_nobody_is_connected);
    RUN(waits_for_the_host_after_a_connection);
    RUN(samples_begin_anew_with_the_host);
    RUN(keeps_its_interval_over_a_connection);
    RUN(sequence_numbers_stand_still_while_nobody_listens);
    RUN(hears_nobody_while_the_pin_is_low);
    RUN(answers_a_host_that_does_not_greet);
    RUN(status_strings_cost_the_frame_that_they_touch);
    RUN(a_wire_needs_no_module);
    return runner_finish("bridge");
}
