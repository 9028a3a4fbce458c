/*
 * The thesis' tests of the LED module, step by step (Karadogan 2014, section 4.6): the port test switches each output
 * on and off in turn and ends, the count test has PWM0 count through its levels until it is stopped. A step that fails
 * on the bus is not repeated.
 */
#ifndef LINK_LED_TESTS_H
#define LINK_LED_TESTS_H

#include <stdint.h>

#include "hal/timer.h"
#include "link/led_module.h"
#include "link/link.h"

/* All zeros but `module`: no test runs. */
struct led_tests {
    struct led_module *module;
    struct timer step;
    uint8_t test; /* LINK_TEST_*, STOP when none runs */
    uint8_t position;
};

/** Starts LINK_TEST_PORTS or LINK_TEST_COUNT with a step of 20 to 10000 ms. */
void led_tests_start(struct led_tests *tests, uint8_t test, uint16_t step_ms);

/** Ends the test; the outputs stay as they are. */
void led_tests_stop(struct led_tests *tests);

/** Executes the link's waiting command: led_test, and what the LED module executes. A colour or outputs end a test. */
uint8_t led_tests_execute(struct led_tests *tests, struct link *link);

/** Once per pass, after link_poll and before led_module_poll: does the steps. */
void led_tests_poll(struct led_tests *tests);

#endif
