/* Allocation of the TCA6507's sources to a colour, see tca6507_color.h. */
#include "drivers/tca6507_color.h"
#include "drivers/tca6507.h"
#include "drivers/tca6507_regs.h"

#define SOURCES  5u
#define CHANNELS 3u

/* In place of a source's level: it may get any; it may, at the cost of the other LED's one-shot; it must not be used.
 */
#define LEVEL_FREE     0xffu
#define LEVEL_ONE_SHOT 0xfeu
#define LEVEL_BARRED   0x80u

/* Master comes before the PWMs: these also make patterns, so the other LED may need them. */
enum { OFF, ON, MASTER, PWM0, PWM1 };

static const uint8_t source_codes[SOURCES] = {TCA6507_CODE_OFF, TCA6507_CODE_ON, TCA6507_CODE_MASTER, TCA6507_CODE_PWM0,
                                              TCA6507_CODE_PWM1};

#define TO_BLINK (TCA6507_CODE_BLINK0 - TCA6507_CODE_PWM0)

/* Which codes the LEDs show that the colour is not for: bit n is code n. */
static unsigned codes_kept(const uint8_t *registers, unsigned leds) {
    unsigned kept = 0;
    unsigned output;

    for (output = 1; output < TCA6507_OUTPUTS; output++) {
        if (!(leds & (output <= CHANNELS ? TCA6507_LED_LOWER : TCA6507_LED_UPPER))) {
            kept |= 1u << tca6507_code_of(registers, output);
        }
    }
    return kept;
}

/* Does the bank blink with these times? The second pause is the first one's. */
static unsigned same_blink(const uint8_t *registers, unsigned bank, const struct tca6507_color *color) {
    unsigned i;

    for (i = 0; i <= TCA6507_TIMES; i++) {
        if (tca6507_nibble(registers[TCA6507_FADE_ON + i], bank) != color->time_codes[i - (i == TCA6507_TIMES)]) {
            return 0;
        }
    }
    return color->effect == TCA6507_BLINK && !(registers[TCA6507_ONE_SHOT_MASTER] & TCA6507_ONE_SHOT(bank));
}

/* What a bank has to offer: the level that it keeps for the other LED, or one of LEVEL_*. */
static unsigned offer_of(const uint8_t *registers, unsigned kept, unsigned bank, const struct tca6507_color *color) {
    unsigned blinks = kept >> bank & 1u << TCA6507_CODE_BLINK0;

    if (blinks && registers[TCA6507_ONE_SHOT_MASTER] & TCA6507_ONE_SHOT(bank)) {
        return LEVEL_ONE_SHOT;
    }
    if (!blinks && !(kept >> bank & 1u << TCA6507_CODE_PWM0)) {
        return LEVEL_FREE;
    }
    if (blinks && color->effect != TCA6507_STEADY && !same_blink(registers, bank, color)) {
        return LEVEL_BARRED;
    }
    return tca6507_nibble(registers[TCA6507_MAXIMUM_INTENSITY], bank);
}

static void survey(const uint8_t *registers, const struct tca6507_color *color, uint8_t *levels) {
    unsigned kept = codes_kept(registers, color->leds);
    unsigned bank;

    levels[OFF] = 0;
    levels[ON] = TCA6507_LEVEL_MAX;
    levels[MASTER] = LEVEL_FREE;
    if (kept & 1u << TCA6507_CODE_MASTER) {
        levels[MASTER] = registers[TCA6507_ONE_SHOT_MASTER] & TCA6507_MASTER_LEVEL_MASK;
    }
    if (color->effect != TCA6507_STEADY) {
        levels[ON] = LEVEL_BARRED;
        levels[MASTER] = LEVEL_BARRED;
    }
    for (bank = 0; bank < TCA6507_BANKS; bank++) {
        levels[PWM0 + bank] = (uint8_t)offer_of(registers, kept, bank, color);
    }
}

/* How far a source is from what is wanted: the right level, then a free one, then one at a price, then the nearest. */
static unsigned distance(unsigned level, unsigned wanted) {
    if (level >= LEVEL_ONE_SHOT) {
        return LEVEL_FREE + 1u - level;
    }
    return (level > wanted ? level - wanted : wanted - level) << 2;
}

static unsigned choose(const uint8_t *levels, unsigned wanted) {
    unsigned best = OFF;
    unsigned source;

    for (source = ON; source < SOURCES; source++) {
        if (distance(levels[source], wanted) < distance(levels[best], wanted)) {
            best = source;
        }
    }
    return best;
}

/* Switches off outputs with a bank's blinking code. */
static void switch_off(uint8_t *registers, unsigned code) {
    unsigned output;

    for (output = 1; output < TCA6507_OUTPUTS; output++) {
        if (tca6507_code_of(registers, output) == code) {
            tca6507_put_code(registers, output, TCA6507_CODE_OFF);
        }
    }
}

/* Sets a bank's times and mode, and has it start from the beginning. */
static void claim_pattern(uint8_t *registers, unsigned bank, struct tca6507_color *color) {
    unsigned flag = TCA6507_ONE_SHOT(bank);
    unsigned i;

    for (i = 0; i <= TCA6507_TIMES; i++) {
        tca6507_put_nibble(registers + TCA6507_FADE_ON + i, bank, color->time_codes[i - (i == TCA6507_TIMES)]);
    }
    registers[TCA6507_ONE_SHOT_MASTER] &= (uint8_t)~flag;
    if (color->effect != TCA6507_BLINK) {
        registers[TCA6507_ONE_SHOT_MASTER] |= (uint8_t)flag;
    }
    color->restart |= (uint8_t)TCA6507_RESTART(bank);
}

/* Gives a source its level. */
static void claim_level(uint8_t *registers, unsigned source, unsigned level) {
    unsigned bank = source - PWM0;

    if (source == MASTER) {
        tca6507_put_nibble(registers + TCA6507_ONE_SHOT_MASTER, 0, level);
        return;
    }
    switch_off(registers, TCA6507_CODE_BLINK0 + bank);
    registers[TCA6507_ONE_SHOT_MASTER] &= (uint8_t)~TCA6507_FOLLOW_MASTER(bank);
    tca6507_put_nibble(registers + TCA6507_MAXIMUM_INTENSITY, bank, level);
}

uint8_t tca6507_color_allocate(uint8_t *registers, struct tca6507_color *color) {
    uint8_t levels[SOURCES];
    unsigned channel;

    survey(registers, color, levels);
    color->restart = 0;
    if (levels[ON] == LEVEL_BARRED && levels[PWM0] == LEVEL_BARRED && levels[PWM1] == LEVEL_BARRED) {
        return 0;
    }
    for (channel = 0; channel < CHANNELS; channel++) {
        unsigned source = choose(levels, color->levels[channel]);
        unsigned code = source_codes[source];
        unsigned is_new = levels[source] >= LEVEL_ONE_SHOT;

        if (is_new) {
            levels[source] = color->levels[channel];
            claim_level(registers, source, levels[source]);
        }
        color->levels[channel] = levels[source];
        if (source >= PWM0 && color->effect != TCA6507_STEADY) {
            code += TO_BLINK;
            if (is_new || !same_blink(registers, source - PWM0, color)) {
                claim_pattern(registers, source - PWM0, color);
            }
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
