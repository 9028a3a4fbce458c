/* Allocation of the TCA6507's sources to a colour, see tca6507_color.h. */
#include "drivers/tca6507_color.h"
#include "drivers/tca6507.h"
#include "drivers/tca6507_regs.h"

#define CHANNELS 3u

/*
 * Sources whose level can be set: the two low bits of their codes, which PWM and blinking share. 0 are off and on; the
 * unused code 1 counts as master, which costs nothing but exactness.
 */
enum { FIXED, MASTER, BANK0, BANK1, SOURCES };
#define BLINKS 4u /* the other bit of the code */

#define CONTROL TCA6507_ONE_SHOT_MASTER
#define LEVELS  TCA6507_MAXIMUM_INTENSITY

#define FOLLOWING (TCA6507_FOLLOW_MASTER(0) | TCA6507_FOLLOW_MASTER(1))
#define ONE_SHOTS (TCA6507_ONE_SHOT(0) | TCA6507_ONE_SHOT(1))
#define RESTARTS  (TCA6507_RESTART(0) | TCA6507_RESTART(1))

/* A source's half of the registers that two banks share, and its bits in register 0x09. */
static const uint8_t nibbles[SOURCES] = {0, TCA6507_NIBBLE(0), TCA6507_NIBBLE(0), TCA6507_NIBBLE(1)};
static const uint8_t flags[SOURCES] = {0, 0, TCA6507_FOLLOW_MASTER(0) | TCA6507_ONE_SHOT(0),
                                       TCA6507_FOLLOW_MASTER(1) | TCA6507_ONE_SHOT(1)};

/* Scratch of one call; here, because on the stack it would cost flash and as much RAM. */
static struct {
    uint8_t levels[SOURCES];
    uint8_t held[SOURCES]; /* 0, or the codes that need the source to stay as it is */
} sources;

/* What the LEDs hold that the colour is not for; a one-shot holds nothing. */
static void survey(const uint8_t *registers, unsigned leds) {
    unsigned output;

    for (output = 0; output < SOURCES; output++) {
        sources.held[output] = 0;
    }
    sources.levels[MASTER] = registers[CONTROL] & TCA6507_MASTER_LEVEL_MASK;
    sources.levels[BANK0] = registers[LEVELS] & 15u;
    sources.levels[BANK1] = registers[LEVELS] >> 4;
    for (output = 1; output < TCA6507_OUTPUTS; output++) {
        if (!(leds & (output <= CHANNELS ? TCA6507_LED_LOWER : TCA6507_LED_UPPER))) {
            unsigned code = tca6507_code_of(registers, output);

            if (code < TCA6507_CODE_BLINK0 || !(registers[CONTROL] & flags[code & 3u] & ONE_SHOTS)) {
                sources.held[code & 3u] |= (uint8_t)code;
            }
        }
    }
}

/* Gives a source that is free its level; one-shots of the other LED that it has end. */
static void claim(uint8_t *registers, unsigned source, uint8_t level) {
    unsigned output;

    sources.held[source] = 1;
    sources.levels[source] = level;
    if (source == MASTER) {
        registers++; /* the master's level is in the next register */
    } else {
        for (output = 1; output < TCA6507_OUTPUTS; output++) {
            if (tca6507_code_of(registers, output) == (source | BLINKS)) {
                tca6507_put_code(registers, output, TCA6507_CODE_OFF);
            }
        }
        registers[CONTROL] &= (uint8_t) ~(flags[source] & FOLLOWING);
    }
    tca6507_put_nibble(registers + LEVELS, nibbles[source], level);
}

/* Sets a bank's times and mode, and has it start from the beginning. */
static void start_pattern(uint8_t *registers, unsigned source, struct tca6507_color *color) {
    uint8_t one_shot = flags[source] & ONE_SHOTS;
    unsigned i;

    for (i = 0; i < TCA6507_TIMES; i++) {
        tca6507_put_nibble(registers + TCA6507_FADE_ON + i, nibbles[source], color->time_codes[i]);
    }
    registers[CONTROL] |= one_shot;
    if (color->effect == TCA6507_BLINK) {
        registers[CONTROL] ^= one_shot;
    }
    color->restart |= nibbles[source] & RESTARTS;
}

static uint8_t apart(uint8_t a, uint8_t b) {
    return a > b ? a - b : b - a;
}

#define NO_CODE 0xffu

/* The code for one channel, whose level becomes the one reached. NO_CODE: there is no bank for a pattern. */
static __attribute__((noinline)) uint8_t choose(uint8_t *registers, struct tca6507_color *color, uint8_t *level) {
    uint8_t code = NO_CODE;
    uint8_t reached = 0;
    uint8_t least =
        (uint8_t)(*level << 1); /* twice the distance: a free source is between the right one and the next */
    unsigned best = FIXED;
    unsigned source = BANK0;

    if (color->effect == TCA6507_STEADY) {
        source = MASTER;
        code = TCA6507_CODE_OFF;
        if (*level > TCA6507_LEVEL_MAX / 2u) {
            code = TCA6507_CODE_ON;
            reached = TCA6507_LEVEL_MAX;
            least = (uint8_t)(TCA6507_LEVEL_MAX * 2u - least);
        }
    }
    for (; source < SOURCES; source++) {
        uint8_t distance = 1;

        if (color->effect != TCA6507_STEADY && sources.held[source] & BLINKS) {
            continue;
        }
        if (sources.held[source]) {
            distance = (uint8_t)(apart(sources.levels[source], *level) << 1);
        }
        if (code == NO_CODE) {
            code = TCA6507_CODE_OFF;
        }
        if (distance < least) {
            least = distance;
            best = source;
        }
    }
    if (best != FIXED) {
        if (!sources.held[best]) {
            claim(registers, best, *level);
        }
        reached = sources.levels[best];
        code = (uint8_t)best;
        if (best == MASTER) {
            code = TCA6507_CODE_MASTER;
        } else if (color->effect != TCA6507_STEADY) {
            code |= BLINKS;
            start_pattern(registers, best, color);
        }
    }
    *level = reached;
    return code;
}

uint8_t tca6507_color_allocate(uint8_t *registers, struct tca6507_color *color) {
    unsigned channel;

    survey(registers, color->leds);
    color->restart = 0;
    color->time_codes[TCA6507_TIME_SECOND_OFF] = color->time_codes[TCA6507_TIME_OFF];
    for (channel = 0; channel < CHANNELS; channel++) {
        uint8_t code = choose(registers, color, &color->levels[channel]);

        if (code == NO_CODE) {
            return 0;
        }
        if (color->leds & TCA6507_LED_LOWER) {
            tca6507_put_code(registers, 1 + channel, code);
        }
        if (color->leds & TCA6507_LED_UPPER) {
            tca6507_put_code(registers, 4 + channel, code);
        }
    }
    return 1;
}
