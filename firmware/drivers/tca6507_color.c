/* Allocation of the TCA6507's sources to a colour, see tca6507_color.h. */
#include "drivers/tca6507_color.h"
#include "drivers/tca6507.h"
#include "drivers/tca6507_regs.h"

#define SOURCES  5u
#define CHANNELS 3u
#define LEDS     2u

/* A source's level when it may still get any, or when it must not be used. */
#define LEVEL_FREE   0xffu
#define LEVEL_BARRED 0xfeu

/* Keeps a function apart from its caller, whose stack would otherwise hold the variables of both. */
#define OWN_FRAME __attribute__((noinline))

#define NO_PLAN 0xffu /* cost when there is no bank for a pattern */

/* Sources of steady light. Master comes before the PWMs: these also make patterns, so the other LED may need them. */
enum { OFF, ON, MASTER, PWM0, PWM1 };

static const uint8_t codes[SOURCES] = {TCA6507_CODE_OFF, TCA6507_CODE_ON, TCA6507_CODE_MASTER, TCA6507_CODE_PWM0,
                                       TCA6507_CODE_PWM1};

static unsigned is_one_shot(const uint8_t *registers, unsigned bank) {
    return registers[TCA6507_ONE_SHOT_MASTER] & TCA6507_ONE_SHOT(bank);
}

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

/* Those of them that are one-shots. */
static unsigned one_shots(const uint8_t *registers, unsigned kept) {
    unsigned cut = 0;
    unsigned bank;

    for (bank = 0; bank < TCA6507_BANKS; bank++) {
        if (is_one_shot(registers, bank)) {
            cut |= kept & 1u << (TCA6507_CODE_BLINK0 + bank);
        }
    }
    return cut;
}

/* The level of a bank that is to stay because the other LED shows it, or LEVEL_FREE. */
static unsigned kept_level(const uint8_t *registers, unsigned kept, unsigned bank) {
    if (!(kept & (1u << TCA6507_CODE_PWM0 | 1u << TCA6507_CODE_BLINK0) << bank)) {
        return LEVEL_FREE;
    }
    if (registers[TCA6507_ONE_SHOT_MASTER] & TCA6507_FOLLOW_MASTER(bank)) {
        return registers[TCA6507_ONE_SHOT_MASTER] & TCA6507_MASTER_LEVEL_MASK;
    }
    return tca6507_nibble(registers[TCA6507_MAXIMUM_INTENSITY], bank);
}

/* Does the bank run these times? The second pause is the first one's. */
static unsigned same_times(const uint8_t *registers, unsigned bank, const uint8_t *times) {
    unsigned i;

    for (i = 0; i <= TCA6507_TIMES; i++) {
        if (tca6507_nibble(registers[TCA6507_FADE_ON + i], bank) != times[i < TCA6507_TIMES ? i : TCA6507_TIME_OFF]) {
            return 0;
        }
    }
    return 1;
}

/* May the bank run the pattern without disturbing the other LED? */
static unsigned bank_fits(const uint8_t *registers, unsigned kept, unsigned bank, const struct tca6507_color *color) {
    return !(kept & 1u << (TCA6507_CODE_BLINK0 + bank)) ||
           (color->effect == TCA6507_BLINK && !is_one_shot(registers, bank) &&
            same_times(registers, bank, color->time_codes));
}

/* Levels of the sources that are to stay, and which are free or barred. Returns 0 when a pattern has no bank. */
static OWN_FRAME unsigned fill_levels(const uint8_t *registers, unsigned kept, const struct tca6507_color *color,
                                      uint8_t *levels) {
    unsigned pattern = color->effect != TCA6507_STEADY;
    unsigned usable = !pattern;
    unsigned bank;

    levels[OFF] = 0;
    levels[ON] = pattern ? LEVEL_BARRED : TCA6507_LEVEL_MAX;
    levels[MASTER] = pattern ? LEVEL_BARRED : LEVEL_FREE;
    if (kept & 1u << TCA6507_CODE_MASTER && !pattern) {
        levels[MASTER] = registers[TCA6507_ONE_SHOT_MASTER] & TCA6507_MASTER_LEVEL_MASK;
    }
    for (bank = 0; bank < TCA6507_BANKS; bank++) {
        unsigned level = kept_level(registers, kept, bank);

        /* A bank that follows the master holds that, too. */
        if (level != LEVEL_FREE && registers[TCA6507_ONE_SHOT_MASTER] & TCA6507_FOLLOW_MASTER(bank) && !pattern) {
            levels[MASTER] = (uint8_t)level;
        }
        if (!pattern || bank_fits(registers, kept, bank, color)) {
            usable = 1;
        } else {
            level = LEVEL_BARRED;
        }
        levels[PWM0 + bank] = (uint8_t)level;
    }
    return usable;
}

static unsigned distance(unsigned a, unsigned b) {
    return a > b ? a - b : b - a;
}

/* The source with the level nearest to the wanted one, the first of equals. A free or barred one is never nearest. */
static unsigned nearest(const uint8_t *levels, unsigned wanted) {
    unsigned best = OFF;
    unsigned source;

    for (source = ON; source < SOURCES; source++) {
        if (distance(levels[source], wanted) < distance(levels[best], wanted)) {
            best = source;
        }
    }
    return best;
}

/* A channel's error when the channels in `mask` get sources of their own. */
static unsigned error_of(const uint8_t *levels, const uint8_t *wanted, unsigned mask, unsigned channel) {
    unsigned least = distance(levels[nearest(levels, wanted[channel])], wanted[channel]);
    unsigned other;

    for (other = 0; other < CHANNELS; other++) {
        unsigned error = distance(wanted[other], wanted[channel]);

        if (mask & 1u << other && error < least) {
            least = error;
        }
    }
    return least;
}

/* Gives free sources the levels of the channels in `mask`. There are enough. */
static void assign(uint8_t *levels, const uint8_t *wanted, unsigned mask) {
    unsigned source = MASTER;

    for (; mask != 0; mask >>= 1, wanted++) {
        if (mask & 1u) {
            while (levels[source] != LEVEL_FREE) {
                source++;
            }
            levels[source] = *wanted;
        }
    }
}

/*
 * Finds the channels that get a source of their own, and gives it to them: all sets are tried, those with fewer sources
 * first. A sum of absolute errors is least when each source has the level of one of the channels, so no other levels
 * need a try. Returns the sum.
 */
static OWN_FRAME unsigned search(uint8_t *levels, const uint8_t *wanted) {
    static const uint8_t masks[] = {0, 1, 2, 4, 3, 5, 6, 7};
    static const uint8_t last[] = {0, 3, 6, 7}; /* of those that need so many sources */
    unsigned count = 0;
    unsigned least = NO_PLAN;
    unsigned best = 0;
    unsigned i;

    for (i = MASTER; i < SOURCES; i++) {
        count += levels[i] == LEVEL_FREE;
    }
    for (i = 0; i <= last[count]; i++) {
        unsigned cost = 0;
        unsigned channel;

        for (channel = 0; channel < CHANNELS; channel++) {
            cost += error_of(levels, wanted, masks[i], channel);
        }
        if (cost < least) {
            least = cost;
            best = masks[i];
        }
    }
    assign(levels, wanted, best);
    return least;
}

/* Sets a bank's times and mode, and has it start from the beginning. */
static void apply_bank(uint8_t *registers, unsigned bank, struct tca6507_color *color) {
    unsigned flag = TCA6507_ONE_SHOT(bank);
    unsigned i;

    for (i = 0; i <= TCA6507_TIMES; i++) {
        uint8_t *at = registers + TCA6507_FADE_ON + i;

        *at = tca6507_with_nibble(*at, bank, color->time_codes[i < TCA6507_TIMES ? i : TCA6507_TIME_OFF]);
    }
    registers[TCA6507_ONE_SHOT_MASTER] &= (uint8_t)~flag;
    if (color->effect != TCA6507_BLINK) {
        registers[TCA6507_ONE_SHOT_MASTER] |= (uint8_t)flag;
    }
    color->restart |= (uint8_t)TCA6507_RESTART(bank);
}

/* Sets a source's level; where it is kept, to what it was. */
static void apply_level(uint8_t *registers, unsigned source, unsigned level) {
    uint8_t *control = registers + TCA6507_ONE_SHOT_MASTER;

    if (source == MASTER) {
        *control = tca6507_with_nibble(*control, 0, level);
    } else if (source >= PWM0) {
        *control &= (uint8_t)~TCA6507_FOLLOW_MASTER(source - PWM0);
        registers[TCA6507_MAXIMUM_INTENSITY] =
            tca6507_with_nibble(registers[TCA6507_MAXIMUM_INTENSITY], source - PWM0, level);
    }
}

/* Switches off outputs whose code is in `cut`. */
static void switch_off(uint8_t *registers, unsigned cut) {
    unsigned output;

    for (output = 1; output < TCA6507_OUTPUTS; output++) {
        if (cut & 1u << tca6507_code_of(registers, output)) {
            tca6507_put_code(registers, output, TCA6507_CODE_OFF);
        }
    }
}

static OWN_FRAME void apply(uint8_t *registers, unsigned kept, const uint8_t *levels, struct tca6507_color *color) {
    unsigned channel;

    for (channel = 0; channel < CHANNELS; channel++) {
        unsigned source = nearest(levels, color->levels[channel]);
        unsigned code = codes[source];

        color->levels[channel] = levels[source];
        apply_level(registers, source, levels[source]);
        if (source >= PWM0 && color->effect != TCA6507_STEADY) {
            code += TCA6507_CODE_BLINK0 - TCA6507_CODE_PWM0;
            /* A bank that blinks for the other LED as well has these times already and keeps its phase. */
            if (!(kept & 1u << code)) {
                apply_bank(registers, source - PWM0, color);
            }
        }
        if (color->leds & TCA6507_LED_LOWER) {
            tca6507_put_code(registers, 1 + channel, code);
        }
        if (color->leds & TCA6507_LED_UPPER) {
            tca6507_put_code(registers, 4 + channel, code);
        }
    }
}

uint8_t tca6507_color_allocate(uint8_t *registers, struct tca6507_color *color) {
    unsigned kept = codes_kept(registers, color->leds);
    unsigned cut = one_shots(registers, kept);
    uint8_t levels[SOURCES];

    color->restart = 0;
    for (;;) {
        unsigned cost = fill_levels(registers, kept, color, levels) ? search(levels, color->levels) : NO_PLAN;

        if (cost != 0 && cut != 0) {
            kept &= ~cut;
            switch_off(registers, cut);
            cut = 0;
            continue;
        }
        if (cost == NO_PLAN) {
            return 0;
        }
        apply(registers, kept, levels, color);
        return 1;
    }
}
