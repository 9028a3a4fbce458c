/* The LED module: attaching and retrying, commands and their answers, the thesis' tests, reports of the registers. */
#include <string.h>

#include "link/led_module.h"
#include "link/led_tests.h"
#include "test/fake_hal.h"
#include "test/runner.h"
#include "test/scripted_bus.h"

const struct link_profile probe_profile = {LINK_KIND_BALL, LINK_CAP_LEDS};

static struct link device;
static struct led_module module;
static struct led_tests tests;

static const uint8_t defaults[] = {0, 0, 0, 0x44, 0x44, 0x44, 0x44, 0x44, 0xff, 0x0f};

/* Time passes in steps of a millisecond, the module is polled in each. */
static void pass(unsigned ms) {
    while (ms-- > 0) {
        fake.now_ms++;
        link_poll(&device);
        led_tests_poll(&tests);
        led_module_poll(&module, &device);
    }
}

static void power_on(void) {
    fake_reset();
    bus_reset();
    bus_accept_all();
    memset(&device, 0, sizeof device);
    memset(&module, 0, sizeof module);
    memset(&tests, 0, sizeof tests);
    tests.module = &module;
    led_module_init(&module);
    link_init(&device);
}

static void start(void) {
    power_on();
    pass(10);
    fake.tx_length = 0;
}

/* Executes a command as if it had come over the link; the ack is device.ack. */
static uint8_t execute(uint8_t type, const uint8_t *payload, uint8_t length) {
    uint8_t *packet = device.receiver.packet;

    packet[0] = (uint8_t)(LINK_PROTOCOL_VERSION << LINK_VERSION_SHIFT | type);
    memcpy(packet + LINK_HEADER_LENGTH, payload, length);
    device.receiver.length = (uint8_t)(length + LINK_HEADER_LENGTH + LINK_CRC_LENGTH);
    device.ack.data_length = 0;
    return led_tests_execute(&tests, &device);
}

#define EXECUTE(type, ...) execute(type, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* Looks through what was sent for led_state; returns how many and leaves the last one's registers. */
static unsigned reports(uint8_t *registers) {
    struct frame_receiver host;
    struct link_led_state state;
    unsigned count = 0;
    unsigned i;

    frame_reset(&host);
    for (i = 0; i < fake.tx_length; i++) {
        if (frame_receive(&host, fake.tx[i]) == FRAME_PACKET && frame_type(&host) == LINK_MSG_LED_STATE) {
            CHECK(link_unpack_led_state(frame_payload(&host), frame_payload_length(&host), &state));
            memcpy(registers, state.registers, 10);
            count++;
        }
    }
    return count;
}

TEST(attaches_after_power_up_and_reports) {
    uint8_t registers[10];

    power_on();
    CHECK(fake.led_enabled);
    CHECK_EQ(bus_transfers(), 0);
    pass(4);
    CHECK_EQ(bus_transfers(), 0);
    pass(6);
    CHECK_EQ(bus_transfers(), 1);
    CHECK_EQ(module.chip.attached, 1);
    CHECK_BYTES(bus_registers, defaults, 10);
    CHECK_EQ(reports(registers), 1);
    CHECK_BYTES(registers, defaults, 10);
}

/* A module that is not there: tried twice a second, commands answered, nothing reported; then it comes. */
TEST(missing_module_is_tried_again) {
    uint8_t registers[10];
    unsigned tries;

    power_on();
    for (tries = 0; tries < 4; tries++) {
        bus_fail(0, 0, STATUS_NACK);
        pass(tries == 0 ? 5 : 500);
        CHECK_EQ(bus_transfers(), tries + 1);
    }
    bus_fail(0, 0, STATUS_TIMEOUT);
    CHECK_EQ(EXECUTE(LINK_MSG_SET_BRIGHTNESS, 0, 5), LINK_STATUS_I2C_TIMEOUT);
    CHECK_EQ(module.chip.attached, 0);
    CHECK_EQ(reports(registers), 0);
    pass(500);
    CHECK_EQ(module.chip.attached, 1);
    CHECK_EQ(reports(registers), 1);
    CHECK_EQ(EXECUTE(LINK_MSG_SET_BRIGHTNESS, 0, 5), LINK_STATUS_OK);
}

TEST(a_failed_write_is_healed) {
    start();
    bus_fail(0, 3, STATUS_NACK);
    CHECK_EQ(EXECUTE(LINK_MSG_SET_OUTPUTS, 4, 4, 4, 4, 4, 4, 4), LINK_STATUS_I2C_NACK);
    CHECK_EQ(module.chip.stale, 1);
    pass(499);
    CHECK_EQ(module.chip.stale, 1);
    pass(2);
    CHECK_EQ(module.chip.stale, 0);
    CHECK_BYTES(bus_registers, defaults, 10);
}

TEST(color_and_its_answer) {
    static const uint8_t steady[] = {15, 6, 2, 0, 0, 0, 0};
    static const uint8_t blink[] = {0, 0, 12, 2, 3, 2, 4};
    uint8_t registers[10];

    start();
    CHECK_EQ(EXECUTE(LINK_MSG_SET_COLOR, 3, 255, 100, 30, 0, 1, 2, 3, 4, 5, 6, 7, 8), LINK_STATUS_OK);
    CHECK_EQ(device.ack.data_length, 7);
    CHECK_BYTES(device.ack.data, steady, 7);
    pass(1);
    CHECK_EQ(reports(registers), 1);
    CHECK_BYTES(registers, bus_registers, 10);
    CHECK_EQ(EXECUTE(LINK_MSG_SET_COLOR, 2, 0, 0, 200, 1, 100, 0, 200, 0, 100, 0, 0x2c, 1), LINK_STATUS_OK);
    CHECK_BYTES(device.ack.data, blink, 7);
    pass(1);
    CHECK_EQ(reports(registers), 2);
}

TEST(refuses_bad_colors) {
    start();
    CHECK_EQ(EXECUTE(LINK_MSG_SET_COLOR, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0), LINK_STATUS_BAD_ARGUMENT);
    CHECK_EQ(EXECUTE(LINK_MSG_SET_COLOR, 4, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0), LINK_STATUS_BAD_ARGUMENT);
    CHECK_EQ(EXECUTE(LINK_MSG_SET_COLOR, 1, 1, 1, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0), LINK_STATUS_BAD_ARGUMENT);
    CHECK_EQ(EXECUTE(LINK_MSG_SET_COLOR, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0xc1, 0x3f), LINK_STATUS_BAD_ARGUMENT);
    CHECK_EQ(EXECUTE(LINK_MSG_SET_COLOR, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0x3f), LINK_STATUS_OK);
    CHECK_EQ(EXECUTE(LINK_MSG_VIBRATE, 1, 1, 1), LINK_STATUS_UNSUPPORTED);
}

TEST(busy_when_both_banks_blink) {
    start();
    CHECK_EQ(EXECUTE(LINK_MSG_SET_COLOR, 1, 255, 100, 0, 1, 64, 0, 64, 0, 64, 0, 64, 0), LINK_STATUS_OK);
    CHECK_EQ(EXECUTE(LINK_MSG_SET_COLOR, 2, 255, 0, 0, 2, 64, 0, 64, 0, 64, 0, 64, 0), LINK_STATUS_BUSY);
    CHECK_EQ(device.ack.data_length, 0);
    CHECK_BYTES(bus_registers, module.chip.registers, 10);
}

TEST(brightness_commands) {
    start();
    CHECK_EQ(EXECUTE(LINK_MSG_SET_BRIGHTNESS, 0, 4), LINK_STATUS_OK);
    CHECK_EQ(EXECUTE(LINK_MSG_SET_BRIGHTNESS, 2, 9), LINK_STATUS_OK);
    CHECK_EQ(bus_registers[8], 0xf4);
    CHECK_EQ(bus_registers[9], 0x09);
    CHECK_EQ(EXECUTE(LINK_MSG_SET_BRIGHTNESS, 3, 4), LINK_STATUS_BAD_ARGUMENT);
    CHECK_EQ(EXECUTE(LINK_MSG_SET_BRIGHTNESS, 0, 16), LINK_STATUS_BAD_ARGUMENT);
    CHECK_EQ(EXECUTE(LINK_MSG_STEP_BRIGHTNESS, 0, 3), LINK_STATUS_OK);
    CHECK_EQ(device.ack.data_length, 1);
    CHECK_EQ(device.ack.data[0], 7);
    CHECK_EQ(EXECUTE(LINK_MSG_STEP_BRIGHTNESS, 1, (uint8_t)-15), LINK_STATUS_OK);
    CHECK_EQ(device.ack.data[0], 0);
    CHECK_EQ(EXECUTE(LINK_MSG_STEP_BRIGHTNESS, 0, 16), LINK_STATUS_BAD_ARGUMENT);
    CHECK_EQ(EXECUTE(LINK_MSG_STEP_BRIGHTNESS, 0, (uint8_t)-16), LINK_STATUS_BAD_ARGUMENT);
    CHECK_EQ(EXECUTE(LINK_MSG_STEP_BRIGHTNESS, 2, 1), LINK_STATUS_BAD_ARGUMENT);
    CHECK_EQ(device.ack.data_length, 0);
}

TEST(port_test_walks_through_the_outputs) {
    unsigned output;

    start();
    CHECK_EQ(EXECUTE(LINK_MSG_LED_TEST, LINK_TEST_PORTS, 50, 0), LINK_STATUS_OK);
    pass(1);
    for (output = 0; output < 7; output++) {
        CHECK_EQ(bus_registers[0] | bus_registers[1], 0);
        CHECK_EQ(bus_registers[2], 1u << output);
        CHECK_EQ(tests.test, LINK_TEST_PORTS);
        pass(50);
    }
    CHECK_EQ(bus_registers[2], 0);
    CHECK_EQ(tests.test, LINK_TEST_STOP);
}

TEST(count_test_counts) {
    unsigned step;

    start();
    CHECK_EQ(EXECUTE(LINK_MSG_LED_TEST, LINK_TEST_COUNT, 20, 0), LINK_STATUS_OK);
    pass(1);
    for (step = 0; step < 40; step++) {
        CHECK_EQ(bus_registers[1], 0x7e);
        CHECK_EQ(bus_registers[8], 0xf0 | step % 16);
        pass(20);
    }
    CHECK_EQ(EXECUTE(LINK_MSG_LED_TEST, LINK_TEST_STOP, 0, 0), LINK_STATUS_OK);
    CHECK_EQ(bus_registers[1], 0);
    step = bus_transfers();
    pass(100);
    CHECK_EQ(bus_transfers(), step);
    CHECK_EQ(EXECUTE(LINK_MSG_LED_TEST, LINK_TEST_COUNT, 19, 0), LINK_STATUS_BAD_ARGUMENT);
    CHECK_EQ(EXECUTE(LINK_MSG_LED_TEST, LINK_TEST_COUNT, 0x11, 0x27), LINK_STATUS_BAD_ARGUMENT);
    CHECK_EQ(EXECUTE(LINK_MSG_LED_TEST, 3, 50, 0), LINK_STATUS_BAD_ARGUMENT);
}

TEST(a_color_ends_a_test) {
    start();
    EXECUTE(LINK_MSG_LED_TEST, LINK_TEST_COUNT, 20, 0);
    pass(30);
    EXECUTE(LINK_MSG_SET_COLOR, 3, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    pass(100);
    CHECK_EQ(tests.test, LINK_TEST_STOP);
    CHECK_EQ(bus_registers[2], 0x12);
    CHECK_EQ(bus_registers[1], 0);
}

/* The ball links no tests: led_test is not for it. */
TEST(shows_a_color_by_itself) {
    static const uint8_t red[3] = {15, 0, 0};

    start();
    led_module_show(&module, red);
    CHECK_EQ(bus_registers[2], 0x12);
    EXECUTE(LINK_MSG_LED_TEST, LINK_TEST_STOP, 0, 0);
    CHECK_EQ(led_module_execute(&module, &device), LINK_STATUS_UNSUPPORTED);
}

/* A host that writes to the chip past the driver is seen in the next led_state. */
TEST(foreign_writes_are_read_back) {
    uint8_t registers[10];

    start();
    bus_registers[8] = 0x21;
    device.happened = LINK_WROTE_REGISTERS;
    pass(1);
    CHECK_EQ(module.chip.registers[8], 0x21);
    CHECK_EQ(reports(registers), 1);
    CHECK_EQ(registers[8], 0x21);
}

TEST(report_waits_for_the_line) {
    uint8_t registers[10];

    start();
    fake.tx_frames = 0;
    EXECUTE(LINK_MSG_SET_BRIGHTNESS, 0, 4);
    pass(10);
    CHECK_EQ(reports(registers), 0);
    CHECK_EQ(fake.tx_torn, 0);
    fake.tx_frames = 1;
    pass(1);
    CHECK_EQ(reports(registers), 1);
    device.happened = LINK_GREETED;
    fake.tx_frames = FAKE_ENDLESS;
    pass(1);
    CHECK_EQ(reports(registers), 2);
}

int main(void) {
    RUN(attaches_after_power_up_and_reports);
    RUN(missing_module_is_tried_again);
    RUN(a_failed_write_is_healed);
    RUN(color_and_its_answer);
    RUN(refuses_bad_colors);
    RUN(busy_when_both_banks_blink);
    RUN(brightness_commands);
    RUN(port_test_walks_through_the_outputs);
    RUN(count_test_counts);
    RUN(a_color_ends_a_test);
    RUN(shows_a_color_by_itself);
    RUN(foreign_writes_are_read_back);
    RUN(report_waits_for_the_line);
    return runner_finish("led_module");
}
