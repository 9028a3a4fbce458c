/* TCA6507 driver and colour allocation against a scripted bus: exact bytes, a refusal at every byte, an oracle. */
#include <stdlib.h>
#include <string.h>

#include "drivers/tca6507.h"
#include "test/runner.h"
#include "test/scripted_bus.h"

#define ADDRESS 0x45

static const uint8_t defaults[] = {0, 0, 0, 0x44, 0x44, 0x44, 0x44, 0x44, 0xff, 0x0f};

static struct tca6507 chip;

/* A chip that has been attached; the script begins after that. */
static void attach(void) {
    bus_reset();
    bus_accept_all();
    memset(&chip, 0x5a, sizeof chip);
    tca6507_init(&chip);
    tca6507_refresh(&chip);
    bus_reset();
    memcpy(bus_registers, defaults, sizeof defaults);
}

#define EXPECT(...)                                                                                                    \
    do {                                                                                                               \
        const uint8_t bytes[] = {__VA_ARGS__};                                                                         \
        bus_expect_write(ADDRESS, bytes, sizeof bytes);                                                                \
    } while (0)

TEST(start_up_transactions) {
    bus_reset();
    memset(&chip, 0x5a, sizeof chip);
    CHECK_EQ(tca6507_init(&chip), STATUS_OK);
    CHECK_EQ(bus_transfers(), 0);
    CHECK_EQ(chip.attached, 0);
    EXPECT(0x10, 0, 0, 0, 0x44, 0x44, 0x44, 0x44, 0x44, 0xff, 0x0f);
    CHECK_EQ(tca6507_refresh(&chip), STATUS_OK);
    CHECK_EQ(chip.attached, 1);
    CHECK_EQ(chip.stale, 0);
    CHECK_EQ(bus_violations(), 0);
}

TEST(missing_chip_stays_detached) {
    bus_reset();
    tca6507_init(&chip);
    EXPECT(0x10, 0, 0, 0, 0x44, 0x44, 0x44, 0x44, 0x44, 0xff, 0x0f);
    bus_fail(0, 0, STATUS_NACK);
    CHECK_EQ(tca6507_refresh(&chip), STATUS_NACK);
    CHECK_EQ(chip.attached, 0);
    CHECK_EQ(chip.stale, 1);
    CHECK_EQ(bus_violations(), 0);
}

TEST(port_values) {
    static const uint8_t each[7] = {0, 1, 2, 3, 4, 5, 6};
    static const uint8_t bad[7] = {0, 0, 0, 0, 0, 0, 8};

    attach();
    EXPECT(0x10, 0x2a, 0x4c, 0x70);
    CHECK_EQ(tca6507_set_outputs(&chip, each), STATUS_OK);
    CHECK_EQ(tca6507_set_outputs(&chip, bad), STATUS_BAD_ARGUMENT);
    EXPECT(0x10, 0x6a, 0x4c, 0x70); /* P6 from 6 to 7 */
    CHECK_EQ(tca6507_set_output(&chip, 6, 7), STATUS_OK);
    CHECK_EQ(tca6507_set_output(&chip, 7, 0), STATUS_BAD_ARGUMENT);
    CHECK_EQ(tca6507_set_output(&chip, 0, 8), STATUS_BAD_ARGUMENT);
    CHECK_EQ(tca6507_code_of(chip.registers, 5), 5);
    CHECK_EQ(tca6507_code_of(chip.registers, 6), 7);
    CHECK_EQ(bus_violations(), 0);
}

TEST(levels_and_steps) {
    attach();
    EXPECT(0x18, 0xf3);
    CHECK_EQ(tca6507_set_level(&chip, TCA6507_PWM0, 3), STATUS_OK);
    EXPECT(0x18, 0xa3);
    CHECK_EQ(tca6507_set_level(&chip, TCA6507_PWM1, 10), STATUS_OK);
    EXPECT(0x19, 0x07);
    CHECK_EQ(tca6507_set_level(&chip, TCA6507_MASTER, 7), STATUS_OK);
    CHECK_EQ(tca6507_set_level(&chip, TCA6507_PWM0, 16), STATUS_BAD_ARGUMENT);
    CHECK_EQ(tca6507_set_level(&chip, (enum tca6507_source)3, 1), STATUS_BAD_ARGUMENT);
    EXPECT(0x18, 0xa4);
    CHECK_EQ(tca6507_step_level(&chip, TCA6507_PWM0, 1), STATUS_OK);
    EXPECT(0x18, 0xaf);
    CHECK_EQ(tca6507_step_level(&chip, TCA6507_PWM0, 15), STATUS_OK);
    EXPECT(0x18, 0x0f);
    CHECK_EQ(tca6507_step_level(&chip, TCA6507_PWM1, -15), STATUS_OK);
    CHECK_EQ(tca6507_step_level(&chip, TCA6507_MASTER, 1), STATUS_BAD_ARGUMENT);
    CHECK_EQ(tca6507_level(&chip, TCA6507_PWM0), 15);
    CHECK_EQ(tca6507_level(&chip, TCA6507_PWM1), 0);
    CHECK_EQ(tca6507_level(&chip, TCA6507_MASTER), 7);
    CHECK_EQ(bus_violations(), 0);
}

TEST(patterns) {
    struct tca6507_times times = {100, 500, 5000, 16320, 20000};

    attach();
    EXPECT(0x13, 0x24, 0x64, 0xd4, 0xf4, 0xf4);
    CHECK_EQ(tca6507_set_times(&chip, 1, &times), STATUS_OK);
    CHECK_EQ(times.fade_on_ms, 128);
    CHECK_EQ(times.fully_on_ms, 512);
    CHECK_EQ(times.fade_off_ms, 5760);
    CHECK_EQ(times.first_off_ms, 16320);
    CHECK_EQ(times.second_off_ms, 16320);
    EXPECT(0x19, 0x4f);
    CHECK_EQ(tca6507_one_shot(&chip, 0, 1), STATUS_OK);
    EXPECT(0x19, 0x6f);
    CHECK_EQ(tca6507_follow_master(&chip, 1, 1), STATUS_OK);
    EXPECT(0x19, 0x2f);
    CHECK_EQ(tca6507_one_shot(&chip, 0, 0), STATUS_OK);
    EXPECT(0x1a, 0x80);
    CHECK_EQ(tca6507_restart(&chip, 1), STATUS_OK);
    CHECK_EQ(tca6507_restart(&chip, 2), STATUS_BAD_ARGUMENT);
    CHECK_EQ(tca6507_set_times(&chip, 2, &times), STATUS_BAD_ARGUMENT);
    CHECK_EQ(tca6507_one_shot(&chip, 2, 0), STATUS_BAD_ARGUMENT);
    CHECK_EQ(tca6507_follow_master(&chip, 2, 0), STATUS_BAD_ARGUMENT);
    CHECK_EQ(bus_violations(), 0);
}

TEST(registers) {
    const uint8_t command = 0x13;
    uint8_t values[11] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0x88};

    attach();
    EXPECT(0x10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0x88);
    CHECK_EQ(tca6507_write(&chip, 0, values, 11), STATUS_OK);
    CHECK_BYTES(chip.registers, values, 10);
    CHECK_EQ(tca6507_write(&chip, 0, values, 12), STATUS_BAD_ARGUMENT);
    CHECK_EQ(tca6507_write(&chip, 11, values, 1), STATUS_BAD_ARGUMENT);
    CHECK_EQ(tca6507_write(&chip, 3, values, 0), STATUS_BAD_ARGUMENT);
    CHECK_EQ(tca6507_read(&chip, 9, values, 2), STATUS_BAD_ARGUMENT);
    CHECK_EQ(tca6507_read(&chip, 3, values, 0), STATUS_BAD_ARGUMENT);
    bus_expect_write_read(ADDRESS, &command, 1, 4);
    memset(values, 0, sizeof values);
    CHECK_EQ(tca6507_read(&chip, 3, values, 4), STATUS_OK);
    CHECK_EQ(values[0], 4);
    CHECK_EQ(values[3], 7);
    CHECK_EQ(bus_violations(), 0);
}

TEST(reload_takes_what_the_chip_has) {
    const uint8_t command = 0x10;

    attach();
    bus_registers[8] = 0x12;
    bus_expect_write_read(ADDRESS, &command, 1, 10);
    CHECK_EQ(tca6507_reload(&chip), STATUS_OK);
    CHECK_EQ(chip.registers[8], 0x12);
    bus_registers[8] = 0x34;
    bus_expect_write_read(ADDRESS, &command, 1, 10);
    bus_fail(0, 5, STATUS_TIMEOUT);
    CHECK_EQ(tca6507_reload(&chip), STATUS_TIMEOUT);
    CHECK_EQ(chip.registers[8], 0x12);
    CHECK_EQ(bus_violations(), 0);
}

/* A refusal at any byte of a whole-image write: the shadow stands, and a refresh brings the chip back to it. */
TEST(refusal_at_every_byte) {
    static const enum status statuses[] = {STATUS_NACK, STATUS_TIMEOUT, STATUS_ARBITRATION};
    unsigned byte;
    unsigned s;

    for (s = 0; s < 3; s++) {
        for (byte = 0; byte <= 12; byte++) {
            struct tca6507_color color = {{3, 9, 0}, {1, 2, 3, 4}, TCA6507_LED_BOTH, TCA6507_BLINK, 0};

            attach();
            bus_accept_all();
            bus_fail(0, byte, statuses[s]);
            CHECK_EQ(tca6507_set_color(&chip, &color), statuses[s]);
            CHECK_BYTES(chip.registers, defaults, sizeof defaults);
            CHECK_EQ(chip.stale, 1);
            CHECK_EQ(tca6507_refresh(&chip), STATUS_OK);
            CHECK_EQ(chip.stale, 0);
            CHECK_BYTES(bus_registers, chip.registers, sizeof defaults);
        }
    }
}

TEST(time_codes) {
    static const uint16_t ms[16] = {0,    64,   128,  192,  256,  384,  512,  768,
                                    1024, 1536, 2048, 3072, 4096, 5760, 8128, 16320};
    uint32_t t;
    uint8_t code;

    for (code = 0; code < 16; code++) {
        CHECK_EQ(tca6507_time_ms(code), ms[code]);
        CHECK_EQ(tca6507_time_code(ms[code]), code);
    }
    for (t = 0; t < 65536; t++) {
        uint8_t best = 0;

        for (code = 1; code < 16; code++) {
            long error = (long)t - ms[code];
            long least = (long)t - ms[best];

            if ((error < 0 ? -error : error) < (least < 0 ? -least : least)) {
                best = code;
            }
        }
        CHECK_EQ(tca6507_time_code((uint16_t)t), best);
    }
}

TEST(intensities_to_levels) {
    unsigned intensity;

    for (intensity = 0; intensity < 256; intensity++) {
        CHECK_EQ(tca6507_level_of((uint8_t)intensity), (intensity + 8) / 17);
    }
}

/* --- colours ------------------------------------------------------------------------------------------------------ */

/* What an output shows by the data sheet: its level, and whether and how it blinks. */
struct light {
    uint8_t level;
    uint8_t blinks;
    uint8_t one_shot;
    uint8_t times[5];
};

static struct light light_of(const uint8_t *registers, unsigned output) {
    unsigned code =
        (registers[0] >> output & 1) | (registers[1] >> output & 1) << 1 | (registers[2] >> output & 1) << 2;
    unsigned bank = code & 1;
    struct light light = {0};
    unsigned i;

    if (code == 4) {
        light.level = 15;
    } else if (code == 5) {
        light.level = registers[9] & 15;
    } else if (code >= 2) {
        light.level = registers[9] >> (4 + bank) & 1 ? registers[9] & 15 : registers[8] >> 4 * bank & 15;
    }
    if (code >= 6) {
        light.blinks = 1;
        light.one_shot = registers[9] >> (6 + bank) & 1;
        for (i = 0; i < 5; i++) {
            light.times[i] = registers[3 + i] >> 4 * bank & 15;
        }
    }
    return light;
}

/* The colour shows the levels that it claims, as it should, on the LEDs that it names. */
static void check_shows(const uint8_t *registers, const struct tca6507_color *color) {
    unsigned output;

    for (output = 1; output < 7; output++) {
        struct light light = light_of(registers, output);
        unsigned channel = (output - 1) % 3;

        if (!(color->leds & (output < 4 ? 1 : 2))) {
            continue;
        }
        CHECK_EQ(light.level, color->levels[channel]);
        CHECK_EQ(light.blinks, color->effect != TCA6507_STEADY && color->levels[channel] != 0);
        if (light.blinks) {
            CHECK_EQ(light.one_shot, color->effect == TCA6507_ONE_SHOT_EFFECT);
            CHECK_BYTES(light.times, color->time_codes, 4);
            CHECK_EQ(light.times[4], color->time_codes[3]);
        }
    }
}

TEST(steady_colors_are_exact_on_one_or_both) {
    unsigned leds, rgb;

    for (leds = 1; leds <= 3; leds++) {
        for (rgb = 0; rgb < 4096; rgb++) {
            uint8_t registers[10];
            const uint8_t wanted[3] = {rgb & 15, rgb >> 4 & 15, rgb >> 8};
            struct tca6507_color color = {{wanted[0], wanted[1], wanted[2]}, {0}, (uint8_t)leds, TCA6507_STEADY, 0};

            memcpy(registers, defaults, sizeof registers);
            CHECK(tca6507_color_allocate(registers, &color));
            CHECK_BYTES(color.levels, wanted, 3);
            CHECK_EQ(color.restart, 0);
            check_shows(registers, &color);
        }
    }
}

/* Two sources: the first two different levels are exact, what remains gets the nearest of them and off. */
TEST(patterns_serve_red_before_green_before_blue) {
    unsigned rgb;

    for (rgb = 0; rgb < 4096; rgb++) {
        uint8_t registers[10];
        const uint8_t wanted[3] = {rgb & 15, rgb >> 4 & 15, rgb >> 8};
        struct tca6507_color color = {{wanted[0], wanted[1], wanted[2]}, {1, 2, 3, 4}, 3, TCA6507_BLINK, 0};
        unsigned error, off, red, green;

        memcpy(registers, defaults, sizeof registers);
        CHECK(tca6507_color_allocate(registers, &color));
        check_shows(registers, &color);
        CHECK_BYTES(color.levels, wanted, 2);
        error = (unsigned)abs(color.levels[2] - wanted[2]);
        off = wanted[2];
        red = (unsigned)abs(wanted[0] - wanted[2]);
        green = (unsigned)abs(wanted[1] - wanted[2]);
        if (wanted[0] == 0 || wanted[1] == 0 || wanted[0] == wanted[1]) {
            CHECK_EQ(error, 0);
        } else {
            CHECK_EQ(error, off < red ? (off < green ? off : green) : red < green ? red : green);
        }
    }
}

/* A long random history of colours on both LEDs: what a command does not name stays as it was, what is claimed is true,
 * and levels that the other LED leaves room for are exact. */
TEST(the_other_led_is_left_alone) {
    uint32_t seed = 1964;
    uint32_t state = seed;
    uint8_t registers[10];
    int round;

    memcpy(registers, defaults, sizeof registers);
    for (round = 0; round < 50000 && runner_failures == 0; round++) {
        uint8_t before[10];
        struct tca6507_color color = {0};
        struct tca6507_color wanted;
        unsigned output;
        int cut = 0;

        state = state * 1664525u + 1013904223u;
        color.leds = (uint8_t)(1 + (state >> 24) % 3);
        color.effect = (state >> 20) % 3;
        for (output = 0; output < 3; output++) {
            state = state * 1664525u + 1013904223u;
            color.levels[output] = state >> 24 & 15;
            color.time_codes[output] = state >> 20 & 1;
        }
        wanted = color;
        memcpy(before, registers, sizeof before);
        if (!tca6507_color_allocate(registers, &color)) {
            memcpy(registers, before, sizeof before);
            CHECK(color.effect != TCA6507_STEADY);
            CHECK(color.leds != 3);
            continue;
        }
        check_shows(registers, &color);
        for (output = 1; output < 7; output++) {
            struct light was = light_of(before, output);
            struct light is = light_of(registers, output);

            if (color.leds & (output < 4 ? 1 : 2)) {
                continue;
            }
            if (was.one_shot && !is.blinks && is.level == 0) {
                cut = 1; /* a one-shot gave way */
                continue;
            }
            CHECK_EQ(is.level, was.level);
            CHECK_EQ(is.blinks, was.blinks);
            CHECK_EQ(is.one_shot, was.one_shot);
            CHECK_BYTES(is.times, was.times, 5);
            /* A bank that keeps blinking for the other LED is not restarted. */
            if (is.blinks && !cut) {
                unsigned bank = tca6507_code_of(registers, output) & 1;

                CHECK_EQ(color.restart & (8u << 4 * bank), 0);
            }
        }
        if (color.leds == 3 && color.effect == TCA6507_STEADY) {
            CHECK_BYTES(color.levels, wanted.levels, 3);
        }
    }
    if (runner_failures != 0) {
        printf("seed %u, round %d\n", (unsigned)seed, round);
    }
}

TEST(a_blink_of_the_other_led_keeps_its_bank) {
    struct tca6507_color lower = {{15, 0, 0}, {1, 2, 1, 4}, 1, TCA6507_BLINK, 0};
    struct tca6507_color upper = {{15, 6, 0}, {1, 2, 1, 4}, 2, TCA6507_BLINK, 0};
    struct tca6507_color again = {{9, 8, 0}, {1, 2, 1, 5}, 1, TCA6507_BLINK, 0};
    uint8_t registers[10];

    memcpy(registers, defaults, sizeof registers);
    CHECK(tca6507_color_allocate(registers, &lower));
    CHECK_EQ(lower.restart, 0x08);
    CHECK(tca6507_color_allocate(registers, &upper));
    CHECK_EQ(upper.restart, 0x80);
    CHECK_EQ(upper.levels[0], 15);
    CHECK_EQ(upper.levels[1], 0);
    /* Its own bank is free again for the first one. */
    CHECK(tca6507_color_allocate(registers, &again));
    CHECK_EQ(again.restart, 0x08);
    CHECK_EQ(again.levels[0], 9);
    CHECK_EQ(again.levels[1], 9);
    again.levels[1] = 4;
    again.leds = 3;
    CHECK(tca6507_color_allocate(registers, &again));
    CHECK_EQ(again.restart, 0x88);
    /* Both are held now. */
    CHECK(!tca6507_color_allocate(registers, &upper));
}

TEST(a_finished_one_shot_gives_way) {
    struct tca6507_color flash = {{15, 5, 0}, {0, 4, 0, 4}, 1, TCA6507_ONE_SHOT_EFFECT, 0};
    struct tca6507_color blink = {{9, 2, 2}, {1, 2, 1, 4}, 2, TCA6507_BLINK, 0};
    uint8_t registers[10];

    memcpy(registers, defaults, sizeof registers);
    CHECK(tca6507_color_allocate(registers, &flash));
    CHECK(tca6507_color_allocate(registers, &blink));
    CHECK_EQ(blink.levels[0], 9);
    CHECK_EQ(blink.levels[1], 2);
    CHECK_EQ(tca6507_code_of(registers, 1), 0);
    CHECK_EQ(tca6507_code_of(registers, 2), 0);
}

TEST(color_is_one_write) {
    struct tca6507_color steady = {{15, 6, 0}, {0}, TCA6507_LED_LOWER, TCA6507_STEADY, 0};
    struct tca6507_color blink = {{0, 0, 9}, {1, 2, 3, 4}, TCA6507_LED_UPPER, TCA6507_BLINK, 0};

    attach();
    /* P1 fully on, P2 at master level 6. */
    EXPECT(0x10, 0x04, 0x00, 0x06, 0x44, 0x44, 0x44, 0x44, 0x44, 0xff, 0x06);
    CHECK_EQ(tca6507_set_color(&chip, &steady), STATUS_OK);
    /* P6 on bank 0, which starts anew. */
    EXPECT(0x10, 0x04, 0x40, 0x46, 0x41, 0x42, 0x43, 0x44, 0x44, 0xf9, 0x06, 0x08);
    CHECK_EQ(tca6507_set_color(&chip, &blink), STATUS_OK);
    CHECK_EQ(bus_violations(), 0);
    CHECK_BYTES(chip.registers, bus_registers, 10);
}

int main(void) {
    RUN(start_up_transactions);
    RUN(missing_chip_stays_detached);
    RUN(port_values);
    RUN(levels_and_steps);
    RUN(patterns);
    RUN(registers);
    RUN(reload_takes_what_the_chip_has);
    RUN(refusal_at_every_byte);
    RUN(time_codes);
    RUN(intensities_to_levels);
    RUN(steady_colors_are_exact_on_one_or_both);
    RUN(patterns_serve_red_before_green_before_blue);
    RUN(the_other_led_is_left_alone);
    RUN(a_blink_of_the_other_led_keeps_its_bank);
    RUN(a_finished_one_shot_gives_way);
    RUN(color_is_one_write);
    return runner_finish("tca6507");
}
