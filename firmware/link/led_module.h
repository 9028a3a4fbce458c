/*
 * The LED module as ball and led_test use it: attaches it whenever it answers, executes the LED commands of the link,
 * and reports the chip's registers after every change. The thesis' tests are led_tests.h's, for led_test alone.
 *
 * A module that is missing at start, or stops answering, costs nothing but its light: it is tried again twice a second
 * and then gets the registers that it had; commands meanwhile are answered with the bus's status. A chip that loses
 * power between two transfers is not noticed: it answers, but at its defaults, until the next colour.
 */
#ifndef LINK_LED_MODULE_H
#define LINK_LED_MODULE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/tca6507.h"
#include "hal/timer.h"
#include "link/link.h"

struct led_module {
    struct tca6507 chip;
    struct tca6507_color color; /* of the last command */
    struct timer retry;
    uint8_t report_due; /* led_state is to be sent */
};

/** Switches the module on; it attaches a few milliseconds later. `module` is all zeros. */
void led_module_init(struct led_module *module);

/** Once per pass, after link_poll: attaches, sends led_state. Takes link_happened. */
void led_module_poll(struct led_module *module, struct link *link);

/** Executes the link's waiting command; LINK_STATUS_UNSUPPORTED when it is none for LEDs. */
uint8_t led_module_execute(struct led_module *module, struct link *link);

/** A steady colour (levels of red, green, blue, 0 to 15) on both LEDs, for local reactions. */
void led_module_show(struct led_module *module, const uint8_t *levels);

/** Brings the chip to the state of the shadow, if it is not. */
enum status led_module_attach(struct led_module *module);

/** After a write of the caller's own to the chip: the host shall see it, or the chip be tried again. Returns `status`.
 */
enum status led_module_written(struct led_module *module, enum status status);

#endif
