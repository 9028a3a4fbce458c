/* TCA6507 LED driver, see tca6507.h. Every change is made on a copy, written, and committed to the shadow on ACK. */
#include "drivers/tca6507.h"
#include "runtime/bytes.h"

#define TIME_CODES 16u

static const uint16_t times_ms[TIME_CODES] = {0,    64,   128,  192,  256,  384,  512,  768,
                                              1024, 1536, 2048, 3072, 4096, 5760, 8128, 16320};

static void tca6507_copy(uint8_t *to, const uint8_t *from, uint8_t count) {
    do {
        *to++ = *from++;
    } while (--count != 0);
}

enum status tca6507_init(struct tca6507 *chip) {
    static const uint8_t defaults[TCA6507_READABLE_REGISTERS] = {
        0,
        0,
        0,
        TCA6507_DEFAULT_TIMES,
        TCA6507_DEFAULT_TIMES,
        TCA6507_DEFAULT_TIMES,
        TCA6507_DEFAULT_TIMES,
        TCA6507_DEFAULT_TIMES,
        TCA6507_DEFAULT_INTENSITY,
        TCA6507_DEFAULT_MASTER,
    };

    tca6507_copy(chip->registers, defaults, TCA6507_READABLE_REGISTERS);
    chip->attached = 0;
    chip->stale = 1;
    return i2c_init(&chip->bus, TCA6507_ADDRESS);
}

/* The candidate begins as the shadow. Returns its register 0. */
static uint8_t *tca6507_edit(struct tca6507 *chip) {
    tca6507_copy(chip->candidate + 1, chip->registers, TCA6507_READABLE_REGISTERS);
    return chip->candidate + 1;
}

/* Writes `count` registers of the candidate from `first` on; commits them to the shadow on ACK. */
static enum status tca6507_send(struct tca6507 *chip, uint8_t first, uint8_t count) {
    uint8_t *message = chip->candidate + first;
    enum status status;

    /* The command stands where the register before `first` was, which is not needed any more. */
    message[0] = (uint8_t)(TCA6507_AUTO_INCREMENT | first);
    status = i2c_write(&chip->bus, message, (uint8_t)(count + 1u));
    if (status != STATUS_OK) {
        chip->stale = 1;
        return status;
    }
    tca6507_copy(chip->registers + first, message + 1, count);
    return STATUS_OK;
}

enum status tca6507_write(struct tca6507 *chip, uint8_t first, const uint8_t *values, uint8_t count) {
    if (count == 0 || first >= TCA6507_REGISTERS || count > TCA6507_REGISTERS - first) {
        return STATUS_BAD_ARGUMENT;
    }
    tca6507_copy(chip->candidate + 1 + first, values, count);
    return tca6507_send(chip, first, count);
}

enum status tca6507_read(struct tca6507 *chip, uint8_t first, uint8_t *values, uint8_t count) {
    uint8_t command = (uint8_t)(TCA6507_AUTO_INCREMENT | first);

    if (count == 0 || first >= TCA6507_READABLE_REGISTERS || count > TCA6507_READABLE_REGISTERS - first) {
        return STATUS_BAD_ARGUMENT;
    }
    return i2c_write_read(&chip->bus, &command, 1, values, count);
}

enum status tca6507_refresh(struct tca6507 *chip) {
    enum status status;

    (void)tca6507_edit(chip);
    status = tca6507_send(chip, 0, TCA6507_READABLE_REGISTERS);
    if (status == STATUS_OK) {
        chip->attached = 1;
        chip->stale = 0;
    }
    return status;
}

enum status tca6507_reload(struct tca6507 *chip) {
    enum status status = tca6507_read(chip, 0, chip->candidate + 1, TCA6507_READABLE_REGISTERS);

    if (status == STATUS_OK) {
        tca6507_copy(chip->registers, chip->candidate + 1, TCA6507_READABLE_REGISTERS);
        chip->attached = 1;
        chip->stale = 0;
    }
    return status;
}

enum status tca6507_set_outputs(struct tca6507 *chip, const uint8_t *codes) {
    uint8_t *image = tca6507_edit(chip);
    unsigned output;

    for (output = 0; output < TCA6507_OUTPUTS; output++) {
        if (codes[output] > TCA6507_CODE_MAX) {
            return STATUS_BAD_ARGUMENT;
        }
        tca6507_put_code(image, output, codes[output]);
    }
    return tca6507_send(chip, TCA6507_SELECT0, 3);
}

enum status tca6507_set_output(struct tca6507 *chip, uint8_t output, uint8_t code) {
    if (output >= TCA6507_OUTPUTS || code > TCA6507_CODE_MAX) {
        return STATUS_BAD_ARGUMENT;
    }
    tca6507_put_code(tca6507_edit(chip), output, code);
    return tca6507_send(chip, TCA6507_SELECT0, 3);
}

enum status tca6507_set_color(struct tca6507 *chip, struct tca6507_color *color) {
    uint8_t *image = tca6507_edit(chip);

    if (!tca6507_color_allocate(image, color)) {
        return STATUS_BUSY;
    }
    image[TCA6507_INITIALIZATION] = color->restart;
    return tca6507_send(chip, 0, color->restart ? TCA6507_REGISTERS : TCA6507_READABLE_REGISTERS);
}

/* Replaces the bits of `mask` in one register. */
static enum status write_bits(struct tca6507 *chip, uint8_t address, uint8_t mask, uint8_t bits) {
    chip->candidate[1 + address] = (uint8_t)((chip->registers[address] & ~mask) | bits);
    return tca6507_send(chip, address, 1);
}

/* PWM0 and PWM1 are the nibbles of register 0x08, the master the low one of 0x09: source 0, 1 and 2. */
enum status tca6507_set_level(struct tca6507 *chip, enum tca6507_source source, uint8_t level) {
    uint8_t address = (uint8_t)(TCA6507_MAXIMUM_INTENSITY + (source >> 1));

    if (source > TCA6507_MASTER || level > TCA6507_LEVEL_MAX) {
        return STATUS_BAD_ARGUMENT;
    }
    tca6507_put_nibble(tca6507_edit(chip) + address, TCA6507_NIBBLE(source & 1), level);
    return tca6507_send(chip, address, 1);
}

uint8_t tca6507_level(const struct tca6507 *chip, enum tca6507_source source) {
    return (uint8_t)tca6507_nibble(chip->registers[TCA6507_MAXIMUM_INTENSITY + (source >> 1)], source & 1);
}

enum status tca6507_step_level(struct tca6507 *chip, enum tca6507_source source, int8_t step) {
    int16_t level;

    if (source > TCA6507_PWM1) {
        return STATUS_BAD_ARGUMENT;
    }
    level = (int16_t)(tca6507_level(chip, source) + step);
    if (level < 0) {
        level = 0;
    } else if (level > (int16_t)TCA6507_LEVEL_MAX) {
        level = TCA6507_LEVEL_MAX;
    }
    return tca6507_set_level(chip, source, (uint8_t)level);
}

enum status tca6507_follow_master(struct tca6507 *chip, uint8_t bank, uint8_t follow) {
    uint8_t bit = (uint8_t)TCA6507_FOLLOW_MASTER(bank);

    if (bank >= TCA6507_BANKS) {
        return STATUS_BAD_ARGUMENT;
    }
    return write_bits(chip, TCA6507_ONE_SHOT_MASTER, bit, follow ? bit : 0);
}

static uint8_t nearest(uint16_t *ms) {
    uint8_t code = tca6507_time_code(*ms);

    *ms = tca6507_time_ms(code);
    return code;
}

enum status tca6507_set_times(struct tca6507 *chip, uint8_t bank, struct tca6507_times *times) {
    uint8_t codes[TCA6507_SECOND_OFF - TCA6507_FADE_ON + 1];
    uint8_t *image = tca6507_edit(chip);
    uint8_t i;

    if (bank >= TCA6507_BANKS) {
        return STATUS_BAD_ARGUMENT;
    }
    codes[0] = nearest(&times->fade_on_ms);
    codes[1] = nearest(&times->fully_on_ms);
    codes[2] = nearest(&times->fade_off_ms);
    codes[3] = nearest(&times->first_off_ms);
    codes[4] = nearest(&times->second_off_ms);
    for (i = 0; i < sizeof codes; i++) {
        tca6507_put_nibble(image + TCA6507_FADE_ON + i, TCA6507_NIBBLE(bank), codes[i]);
    }
    return tca6507_send(chip, TCA6507_FADE_ON, sizeof codes);
}

enum status tca6507_one_shot(struct tca6507 *chip, uint8_t bank, uint8_t one_shot) {
    uint8_t bit = (uint8_t)TCA6507_ONE_SHOT(bank);

    if (bank >= TCA6507_BANKS) {
        return STATUS_BAD_ARGUMENT;
    }
    return write_bits(chip, TCA6507_ONE_SHOT_MASTER, bit, one_shot ? bit : 0);
}

enum status tca6507_restart(struct tca6507 *chip, uint8_t bank) {
    uint8_t value = (uint8_t)TCA6507_RESTART(bank);

    if (bank >= TCA6507_BANKS) {
        return STATUS_BAD_ARGUMENT;
    }
    return tca6507_write(chip, TCA6507_INITIALIZATION, &value, 1);
}

uint8_t tca6507_time_code(uint16_t ms) {
    uint8_t code = 0;

    /* On to the next code while that is strictly nearer; the sum of two neighbours fits 16 bits. */
    while (code + 1u < TIME_CODES && ms > (uint16_t)(times_ms[code] + times_ms[code + 1u]) / 2u) {
        code++;
    }
    return code;
}

uint16_t tca6507_time_ms(uint8_t code) {
    return times_ms[code & (TIME_CODES - 1u)];
}

uint8_t tca6507_level_of(uint8_t intensity) {
    /* intensity / 17, rounded to nearest: 15 / 256 is near enough to 1 / 17 up to here. */
    return high_byte((uint16_t)((intensity << 4) - intensity + 135u));
}

unsigned tca6507_code_of(const uint8_t *registers, unsigned output) {
    unsigned bit = 1u << output;
    unsigned code = 0;

    if (registers[TCA6507_SELECT0] & bit) {
        code |= 1u;
    }
    if (registers[TCA6507_SELECT1] & bit) {
        code |= 2u;
    }
    if (registers[TCA6507_SELECT2] & bit) {
        code |= 4u;
    }
    return code;
}

void tca6507_put_code(uint8_t *registers, unsigned output, unsigned code) {
    uint8_t bit = (uint8_t)(1u << output);
    uint8_t i;

    for (i = 3; i != 0; i--) {
        *registers &= (uint8_t)~bit;
        if (code & 1u) {
            *registers |= bit;
        }
        registers++;
        code >>= 1;
    }
}

unsigned tca6507_nibble(unsigned value, unsigned bank) {
    return (bank ? value >> 4 : value) & 15u;
}

void tca6507_put_nibble(uint8_t *at, uint8_t mask, uint8_t nibble) {
    nibble |= (uint8_t)(nibble << 4);
    *at ^= (*at ^ nibble) & mask;
}
