/* The thesis' tests of the LED module, see led_tests.h. */
#include "link/led_tests.h"
#include "runtime/bytes.h"

#define MIN_STEP_MS 20u
#define MAX_STEP_MS 10000u
#define TEST_LEVELS 16u
#define TEST_BEGINS 0xffu /* position before the first step */

static const uint8_t all_off[TCA6507_OUTPUTS] = {0};
static const uint8_t all_pwm0[TCA6507_OUTPUTS] = {
    TCA6507_CODE_OFF /* not connected */,
    TCA6507_CODE_PWM0,
    TCA6507_CODE_PWM0,
    TCA6507_CODE_PWM0,
    TCA6507_CODE_PWM0,
    TCA6507_CODE_PWM0,
    TCA6507_CODE_PWM0,
};

void led_tests_stop(struct led_tests *tests) {
    tests->test = LINK_TEST_STOP;
    timer_stop(&tests->step);
}

/* Port test: the next output on, the last one off. Ends after P6. */
static enum status step_ports(struct led_tests *tests) {
    uint8_t position = tests->position++;
    enum status status = STATUS_OK;

    if (position > 0) {
        status = tca6507_set_output(&tests->module->chip, (uint8_t)(position - 1u), TCA6507_CODE_OFF);
    }
    if (position == TCA6507_OUTPUTS) {
        led_tests_stop(tests);
        return status;
    }
    return status != STATUS_OK ? status : tca6507_set_output(&tests->module->chip, position, TCA6507_CODE_ON);
}

/* Count test: PWM0 goes through its levels, and from 15 to 0 again. */
static enum status step_count(struct led_tests *tests) {
    uint8_t level = tests->position;

    tests->position = (uint8_t)((level + 1u) % TEST_LEVELS);
    return level == 0 ? tca6507_set_level(&tests->module->chip, TCA6507_PWM0, 0)
                      : tca6507_step_level(&tests->module->chip, TCA6507_PWM0, 1);
}

/* A step that fails is seen on the bus and in i2cErrors; the test goes on. */
static void step_test(struct led_tests *tests) {
    enum status status;

    if (tests->position == TEST_BEGINS) {
        tests->position = 0;
        status = tca6507_set_outputs(&tests->module->chip, tests->test == LINK_TEST_COUNT ? all_pwm0 : all_off);
        if (status != STATUS_OK) {
            (void)led_module_written(tests->module, status);
            return;
        }
    }
    (void)led_module_written(tests->module, tests->test == LINK_TEST_PORTS ? step_ports(tests) : step_count(tests));
}

void led_tests_start(struct led_tests *tests, uint8_t test, uint16_t step_ms) {
    tests->test = test;
    tests->position = TEST_BEGINS;
    timer_start_periodic(&tests->step, step_ms);
}

/* Payload: test, time of a step. */
static enum status start_test(struct led_tests *tests, const uint8_t *payload) {
    uint16_t step_ms = word_at(payload + 1);

    if (payload[0] == LINK_TEST_STOP) {
        led_tests_stop(tests);
        return tca6507_set_outputs(&tests->module->chip, all_off);
    }
    if (payload[0] > LINK_TEST_COUNT || step_ms < MIN_STEP_MS || step_ms > MAX_STEP_MS) {
        return STATUS_BAD_ARGUMENT;
    }
    led_tests_start(tests, payload[0], step_ms);
    return STATUS_OK;
}

uint8_t led_tests_execute(struct led_tests *tests, struct link *link) {
    uint8_t type = frame_type(&link->receiver);
    enum status status;

    if (type == LINK_MSG_SET_COLOR || type == LINK_MSG_SET_OUTPUTS) {
        led_tests_stop(tests);
    }
    if (type != LINK_MSG_LED_TEST) {
        return led_module_execute(tests->module, link);
    }
    status = led_module_attach(tests->module);
    if (status == STATUS_OK) {
        status = led_module_written(tests->module, start_test(tests, frame_payload(&link->receiver)));
    }
    return (uint8_t)status;
}

void led_tests_poll(struct led_tests *tests) {
    if (timer_due(&tests->step) || (tests->test != LINK_TEST_STOP && tests->position == TEST_BEGINS)) {
        step_test(tests);
    }
}
