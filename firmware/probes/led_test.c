/*
 * Test of the LED module, after the thesis' testPorts and testCount (Karadogan 2014, section 4.6).
 *
 * As soon as the module answers, each output is switched on and off in turn, then all outputs count through the levels
 * of PWM0, for ever or until a host says otherwise: it executes the same LED commands as the ball and has no samples.
 * Everything it does is seen on the I2C bus at address 0x45. Kept between steps in LPM3.
 */
#include "hal/hal.h"
#include "hal/sleep.h"
#include "hal/uart.h"
#include "link/link.h"
#include "link/led_module.h"
#include "link/led_tests.h"

#define STEP_MS 100u

enum phase { WAITING, TESTING_PORTS, COUNTING };

struct probe {
    struct link link;
    struct led_module leds;
    struct led_tests tests;
    uint8_t phase; /* of the tests after start */
};

const struct link_profile probe_profile = {LINK_KIND_LED_TEST, LINK_CAP_LEDS | LINK_CAP_REGISTERS};

/* Executes the command that waits. */
static uint8_t execute(struct probe *probe) {
    uint8_t status = led_tests_execute(&probe->tests, &probe->link);

    /* A host that takes over is not interrupted by the next test. */
    if (status == LINK_STATUS_OK) {
        probe->phase = COUNTING;
    }
    return status;
}

/* Port test when the module answers, count test when the port test is over. */
static void advance(struct probe *probe) {
    if (probe->phase == WAITING && probe->leds.chip.attached) {
        probe->phase = TESTING_PORTS;
        led_tests_start(&probe->tests, LINK_TEST_PORTS, STEP_MS);
    } else if (probe->phase == TESTING_PORTS && probe->tests.test == LINK_TEST_STOP) {
        probe->phase = COUNTING;
        led_tests_start(&probe->tests, LINK_TEST_COUNT, STEP_MS);
    }
}

int main(void) {
    static struct probe probe;

    hal_init();
    (void)uart_init(UART_BAUD_9600);
    led_module_init(&probe.leds);
    probe.tests.module = &probe.leds;
    link_init(&probe.link);
    for (;;) {
        while (link_poll(&probe.link)) {
            link_answer(&probe.link, execute(&probe));
        }
        advance(&probe);
        led_tests_poll(&probe.tests);
        led_module_poll(&probe.leds, &probe.link);
        (void)sleep_until_event();
    }
}
