/*
 * Which TCA6507 output is driven by what, so that an RGB LED shows a colour.
 *
 * The chip has seven outputs but few sources of light: off, fully on, PWM0, PWM1 and the master intensity for steady
 * light, and banks 0 and 1 (whose brightness is PWM0's and PWM1's) for a pattern in time. Each of PWM0, PWM1 and master
 * has one of 16 levels. Red, green and blue are served in this order, each by the first of: a source that has its
 * level, one that is free, the bank of a one-shot on the other LED, the source with the nearest level. So one colour,
 * on one LED or the same on both, is reached exactly when it is steady; in a pattern of three different levels blue
 * gets the nearest. What the other LED shows stays as it is. The levels reached are reported.
 *
 * A bank that follows the master intensity for the other LED (tca6507_follow_master) is taken to have its own level.
 * Pure: works on a register image, touches no bus. P0 is not connected on Earl's LED module and is never looked at.
 */
#ifndef DRIVERS_TCA6507_COLOR_H
#define DRIVERS_TCA6507_COLOR_H

#include <stdint.h>

/* The two RGB LEDs: bits. Lower is P1 to P3, upper P4 to P6, each red, green, blue. */
#define TCA6507_LED_LOWER 1u
#define TCA6507_LED_UPPER 2u
#define TCA6507_LED_BOTH  3u

enum tca6507_effect {
    TCA6507_STEADY,
    TCA6507_BLINK,
    TCA6507_ONE_SHOT_EFFECT /* one blink cycle, then off */
};

/* Order of the time codes of a pattern. */
enum {
    TCA6507_TIME_FADE_ON,
    TCA6507_TIME_FULLY_ON,
    TCA6507_TIME_FADE_OFF,
    TCA6507_TIME_OFF,
    TCA6507_TIME_SECOND_OFF,
    TCA6507_TIMES
};

struct tca6507_color {
    uint8_t levels[3];                 /* red, green, blue, 0 to 15: wanted, then reached */
    uint8_t time_codes[TCA6507_TIMES]; /* of a pattern; the second pause is made equal to the first */
    uint8_t leds;                      /* bits of TCA6507_LED_* */
    uint8_t effect;                    /* enum tca6507_effect */
    uint8_t restart;                   /* result: what the initialisation register gets, 0 for nothing */
};

/**
 * Changes the image of registers 0x00 to 0x09 so that the LEDs show the colour, and replaces the levels in `color` by
 * those reached. A bank that blinks for the other LED is not available: what both LEDs shall do is set for both at
 * once. A one-shot of the other LED, finished or not, gives way to what needs its bank: its outputs are switched off.
 * Returns 1, or 0 when a pattern has no bank because both blink for the other LED; the image is of no use then.
 */
uint8_t tca6507_color_allocate(uint8_t *registers, struct tca6507_color *color);

#endif
