/* Accelerometer, motor and light sensor: exact traffic, a refusal in every transfer, conversions, times. */
#include <string.h>

#include "drivers/accelerometer.h"
#include "drivers/light.h"
#include "drivers/motor.h"
#include "test/fake_hal.h"
#include "test/runner.h"
#include "test/scripted_bus.h"

#define ADDRESS    0x53
#define START_UP   6u /* transfers of accelerometer_attach */
#define INT_SOURCE 0x30

static struct accelerometer sensor;

#define EXPECT(...)                                                                                                    \
    do {                                                                                                               \
        const uint8_t bytes[] = {__VA_ARGS__};                                                                         \
        bus_expect_write(ADDRESS, bytes, sizeof bytes);                                                                \
    } while (0)

static void expect_read(uint8_t address, uint8_t count) {
    bus_expect_write_read(ADDRESS, &address, 1, count);
}

static void expect_start_up(void) {
    bus_expect_present(ADDRESS);
    expect_read(0x00, 1);
    EXPECT(0x2d, 0x00);
    EXPECT(0x24, 4, 3, 2, 0xff);
    EXPECT(0x31, 0x0b);
    EXPECT(0x2c, 0x0a, 0x28, 0x18, 0x00);
}

static void attach(void) {
    static const uint8_t id = 0xe5;

    bus_reset();
    memset(&sensor, 0x5a, sizeof sensor);
    accelerometer_init(&sensor);
    expect_start_up();
    bus_answer(&id, 1);
    CHECK_EQ(accelerometer_attach(&sensor), STATUS_OK);
    CHECK_EQ(bus_violations(), 0);
}

TEST(configures_the_chip) {
    attach();
    CHECK_EQ(sensor.attached, 1);
    CHECK_EQ(sensor.moving, 0);
    CHECK_EQ(bus_transfers(), START_UP);
}

TEST(refuses_another_device) {
    static const uint8_t id = 0xe4;

    bus_reset();
    accelerometer_init(&sensor);
    bus_expect_present(ADDRESS);
    expect_read(0x00, 1);
    bus_answer(&id, 1);
    CHECK_EQ(accelerometer_attach(&sensor), STATUS_NACK);
    CHECK_EQ(sensor.attached, 0);
    CHECK_EQ(bus_violations(), 0);
}

TEST(a_refusal_in_any_transfer_detaches) {
    static const enum status statuses[] = {STATUS_NACK, STATUS_TIMEOUT, STATUS_ARBITRATION};
    static const uint8_t id = 0xe5;
    unsigned transfer, s, byte;

    for (s = 0; s < 3; s++) {
        for (transfer = 0; transfer < START_UP; transfer++) {
            for (byte = 0; byte < 6; byte++) {
                bus_reset();
                bus_accept_all();
                accelerometer_init(&sensor);
                bus_answer(&id, 1);
                bus_fail(transfer, byte, statuses[s]);
                CHECK_EQ(accelerometer_attach(&sensor), statuses[s]);
                CHECK_EQ(sensor.attached, 0);
            }
        }
        attach();
        bus_accept_all();
        bus_fail(0, 3, statuses[s]);
        CHECK_EQ(accelerometer_read(&sensor), statuses[s]);
        CHECK_EQ(sensor.attached, 0);
    }
}

TEST(counts_to_milli_g) {
    int counts;

    for (counts = -4096; counts <= 4095; counts++) {
        long exact_times_256 = counts * 1000L;
        long error = accelerometer_milli_g((int16_t)counts) * 256L - exact_times_256;

        CHECK(error <= 128 && error >= -128);
    }
    CHECK_EQ(accelerometer_milli_g(256), 1000);
    CHECK_EQ(accelerometer_milli_g(-256), -1000);
    CHECK_EQ(accelerometer_milli_g(0), 0);
}

static void read_axes(int16_t x, int16_t y, int16_t z) {
    const uint8_t bytes[6] = {(uint8_t)x,        (uint8_t)(x >> 8), (uint8_t)y,
                              (uint8_t)(y >> 8), (uint8_t)z,        (uint8_t)(z >> 8)};

    bus_reset();
    expect_read(0x32, 6);
    bus_answer(bytes, 6);
    CHECK_EQ(accelerometer_read(&sensor), STATUS_OK);
    CHECK_EQ(bus_violations(), 0);
}

static enum accelerometer_motion poll(uint8_t source, int16_t x) {
    const uint8_t bytes[7] = {source, (uint8_t)x, (uint8_t)(x >> 8), 0, 0, 0, 1};
    enum accelerometer_motion motion;

    bus_reset();
    expect_read(INT_SOURCE, 1);
    if (source & 0x18) {
        expect_read(0x32, 6);
    }
    bus_answer(bytes, 7);
    CHECK_EQ(accelerometer_poll(&sensor, &motion), STATUS_OK);
    CHECK_EQ(bus_violations(), 0);
    return motion;
}

TEST(reads_three_axes) {
    attach();
    read_axes(256, -256, 4095);
    CHECK_EQ(sensor.milli_g[0], 1000);
    CHECK_EQ(sensor.milli_g[1], -1000);
    CHECK_EQ(sensor.milli_g[2], 15996);
}

TEST(peak_of_a_motion) {
    attach();
    read_axes(0, 0, 256);
    CHECK_EQ(poll(0x10, 128), ACCELEROMETER_MOTION);
    CHECK_EQ(sensor.peak, 500);
    read_axes(0, -512, 256);
    CHECK_EQ(sensor.peak, 2000);
    read_axes(64, 0, 256);
    CHECK_EQ(sensor.peak, 2000);
    CHECK_EQ(poll(0x00, 0), ACCELEROMETER_NOTHING);
    CHECK_EQ(poll(0x08, 256), ACCELEROMETER_STILL);
    CHECK_EQ(sensor.peak, 2000);
    /* The next motion has a peak of its own, from where this one ended; slow drift does not move the reference. */
    read_axes(270, 0, 256);
    read_axes(300, 0, 256);
    CHECK_EQ(poll(0x10, 320), ACCELEROMETER_MOTION);
    CHECK_EQ(sensor.peak, 250);
    CHECK_EQ(poll(0x18, 256), ACCELEROMETER_STILL);
}

TEST(motor_stops_in_time) {
    struct motor motor = {0};

    fake_reset();
    CHECK_EQ(motor_run(&motor, 80, 500), STATUS_OK);
    CHECK_EQ(fake.duty, 80);
    fake.now_ms = 499;
    motor_poll(&motor);
    CHECK_EQ(fake.duty, 80);
    fake.now_ms = 500;
    motor_poll(&motor);
    CHECK_EQ(fake.duty, 0);
    /* A new run replaces the old one and its end. */
    motor_run(&motor, 50, 10000);
    fake.now_ms = 600;
    motor_run(&motor, 60, 100);
    fake.now_ms = 700;
    motor_poll(&motor);
    CHECK_EQ(fake.duty, 0);
    /* Either being zero stops at once. */
    motor_run(&motor, 50, 1000);
    CHECK_EQ(motor_run(&motor, 0, 1000), STATUS_OK);
    CHECK_EQ(fake.duty, 0);
    motor_run(&motor, 50, 1000);
    CHECK_EQ(motor_run(&motor, 50, 0), STATUS_OK);
    CHECK_EQ(fake.duty, 0);
    CHECK_EQ(motor.end.period_ms, TIMER_STOPPED);
}

TEST(motor_refuses_bad_arguments) {
    struct motor motor = {0};

    fake_reset();
    motor_run(&motor, 30, 1000);
    CHECK_EQ(motor_run(&motor, 101, 100), STATUS_BAD_ARGUMENT);
    CHECK_EQ(motor_run(&motor, 101, 0), STATUS_BAD_ARGUMENT);
    CHECK_EQ(motor_run(&motor, 50, 10001), STATUS_BAD_ARGUMENT);
    CHECK_EQ(fake.duty, 30);
    CHECK_EQ(motor.end.period_ms, TIMER_ONCE);
}

TEST(light_in_lux) {
    fake_reset();
    CHECK_EQ(light_lux_of(0), 0);
    /* Half a lux is 550 uV, which is 12.003 of 32736 in 1.5 V. */
    CHECK_EQ(light_lux_of(12), 0);
    CHECK_EQ(light_lux_of(13), 1);
    CHECK_EQ(light_lux_of(24006), 1000);
    CHECK_EQ(light_lux_of(32736), 1364);
    fake.reading = 7202; /* 330 mV */
    CHECK_EQ(light_lux(), 300);
}

int main(void) {
    RUN(configures_the_chip);
    RUN(refuses_another_device);
    RUN(a_refusal_in_any_transfer_detaches);
    RUN(counts_to_milli_g);
    RUN(reads_three_axes);
    RUN(peak_of_a_motion);
    RUN(motor_stops_in_time);
    RUN(motor_refuses_bad_arguments);
    RUN(light_in_lux);
    return runner_finish("devices");
}
