/*
 * TCA6507: seven LED outputs on the I2C bus at 0x45, open drain, low is on (SCPS164).
 *
 * The whole chip: all eleven registers, auto-increment writes, each output off, on, at PWM0, PWM1 or master intensity,
 * or blinking with bank 0 or 1; fade and pause times by nearest code; one-shot; the initialisation register. And the
 * thesis' operations: port values, increment and decrement of PWM0 and PWM1 (Karadogan 2014, section 4.6).
 *
 * The driver keeps a shadow of registers 0x00 to 0x09 that changes only after the chip has acknowledged a whole write;
 * after a failed one chip and shadow may differ, `stale` says so and tca6507_refresh writes the shadow again.
 * Not here: the EN pin (hal/port.h), colours (tca6507_color.h), when to retry (the probe).
 *
 * Statuses are those of hal/i2c.h; STATUS_BAD_ARGUMENT means that nothing was sent.
 */
#ifndef DRIVERS_TCA6507_H
#define DRIVERS_TCA6507_H

#include <stdint.h>

#include "drivers/tca6507_color.h"
#include "drivers/tca6507_regs.h"
#include "hal/i2c.h"
#include "hal/status.h"

struct tca6507 {
    struct i2c_device bus;
    uint8_t registers[TCA6507_REGISTERS];     /* the shadow; valid once `attached` */
    uint8_t candidate[1 + TCA6507_REGISTERS]; /* room for a command, then what is being written */
    uint8_t attached;                         /* the chip acknowledged a whole image since tca6507_init */
    uint8_t stale;                            /* a write failed since: the chip may differ from the shadow */
};

enum tca6507_source { TCA6507_PWM0, TCA6507_PWM1, TCA6507_MASTER };

/** The times of a bank, milliseconds; two pulses make a cycle and each has its pause. */
struct tca6507_times {
    uint16_t fade_on_ms;
    uint16_t fully_on_ms;
    uint16_t fade_off_ms;
    uint16_t first_off_ms;
    uint16_t second_off_ms;
};

/* --- the bus ------------------------------------------------------------------------------------------------------ */

/** Fills the shadow with the chip's power-up values, sets up the bus. Talks to no device. */
enum status tca6507_init(struct tca6507 *chip);

/** The shadow to registers 0x00 to 0x09 in one write. STATUS_NACK: no chip. Call after power-up and when stale. */
enum status tca6507_refresh(struct tca6507 *chip);

/** Registers 0x00 to 0x09 from the chip into the shadow, when somebody else wrote them. */
enum status tca6507_reload(struct tca6507 *chip);

/** One auto-increment write of registers first .. first + count - 1 (0x0A at most); the shadow follows the ACK. */
enum status tca6507_write(struct tca6507 *chip, uint8_t first, const uint8_t *values, uint8_t count);

/** Reads registers first .. first + count - 1 (0x09 at most) from the chip; the shadow is not touched. */
enum status tca6507_read(struct tca6507 *chip, uint8_t first, uint8_t *values, uint8_t count);

/* --- outputs ------------------------------------------------------------------------------------------------------ */

/** The thesis' port values: the codes of P0 to P6. */
enum status tca6507_set_outputs(struct tca6507 *chip, const uint8_t *codes);

/** The code of one output. */
enum status tca6507_set_output(struct tca6507 *chip, uint8_t output, uint8_t code);

/** A colour for one or both RGB LEDs in one write; see tca6507_color.h. STATUS_BUSY: no bank for the pattern. */
enum status tca6507_set_color(struct tca6507 *chip, struct tca6507_color *color);

/* --- intensity ---------------------------------------------------------------------------------------------------- */

/** Level 0 to 15 of PWM0, PWM1 or the master intensity. */
enum status tca6507_set_level(struct tca6507 *chip, enum tca6507_source source, uint8_t level);

/** The level by the shadow. */
uint8_t tca6507_level(const struct tca6507 *chip, enum tca6507_source source);

/** The thesis' increment and decrement: adds `step`, stops at 0 and 15. The new level by tca6507_level. */
enum status tca6507_step_level(struct tca6507 *chip, enum tca6507_source source, int8_t step);

/** Takes a bank's maximum intensity from the master intensity (1) or from its own level (0). */
enum status tca6507_follow_master(struct tca6507 *chip, uint8_t bank, uint8_t follow);

/* --- patterns ----------------------------------------------------------------------------------------------------- */

/** Sets a bank's times to the nearest codes and replaces those in `times` by the real ones. */
enum status tca6507_set_times(struct tca6507 *chip, uint8_t bank, struct tca6507_times *times);

/** One cycle and then off (1), or blinking on (0). Takes effect with tca6507_restart. */
enum status tca6507_one_shot(struct tca6507 *chip, uint8_t bank, uint8_t one_shot);

/** Starts the cycle of a bank from the beginning (initialisation register). */
enum status tca6507_restart(struct tca6507 *chip, uint8_t bank);

/* --- register images, no bus -------------------------------------------------------------------------------------- */

/** Nearest time code (0 to 15) of a time; the shorter one when two are equally near. */
uint8_t tca6507_time_code(uint16_t ms);

/** Time of a code in milliseconds, 0 to 16320. The chip keeps it within about 12.5 %. */
uint16_t tca6507_time_ms(uint8_t code);

/** 0 to 255 rounded to the 16 levels. */
uint8_t tca6507_level_of(uint8_t intensity);

/** Code of an output in a register image. */
unsigned tca6507_code_of(const uint8_t *registers, unsigned output);

/** Sets the code of an output in a register image. */
void tca6507_put_code(uint8_t *registers, unsigned output, unsigned code);

/** A bank's half of a register, and replacing it: `mask` is TCA6507_NIBBLE(bank). */
unsigned tca6507_nibble(unsigned value, unsigned bank);
void tca6507_put_nibble(uint8_t *at, uint8_t mask, uint8_t nibble);

#endif
