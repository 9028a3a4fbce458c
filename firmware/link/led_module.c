/* The LED module, see led_module.h. */
#include "link/led_module.h"
#include "hal/clock.h"
#include "hal/port.h"

#define ENABLE_MS 5u /* generous: what the chip needs after EN rises was not found in the data sheet */
#define RETRY_MS  500u

#define MIN_STEP_MS 20u
#define MAX_STEP_MS 10000u

#define TIME_MAX_MS 16320u
#define LEVELS      16u

/* --- attaching ---------------------------------------------------------------------------------------------------- */

void led_module_init(struct led_module *module) {
    /* A bus that is held low now is tried again by every transfer. */
    (void)tca6507_init(&module->chip);
    port_led_driver_enable(true);
    timer_start(&module->retry, ENABLE_MS);
}

/* Brings the chip to the state of the shadow, if it is not. */
static enum status attach(struct led_module *module) {
    enum status status = STATUS_OK;

    if (module->chip.stale) {
        status = tca6507_refresh(&module->chip);
        module->report_due |= status == STATUS_OK;
    }
    if (module->chip.stale) {
        timer_start(&module->retry, RETRY_MS);
    } else {
        timer_stop(&module->retry);
    }
    return status;
}

/* After a write: the host shall see it, or the chip be tried again. */
static enum status written(struct led_module *module, enum status status) {
    if (status == STATUS_OK) {
        module->report_due = 1;
    } else if (module->chip.stale) {
        timer_start(&module->retry, RETRY_MS);
    }
    return status;
}

/* --- the thesis' tests -------------------------------------------------------------------------------------------- */

static const uint8_t all_off[TCA6507_OUTPUTS] = {0};
static const uint8_t all_pwm0[TCA6507_OUTPUTS] = {TCA6507_CODE_PWM0, TCA6507_CODE_PWM0, TCA6507_CODE_PWM0,
                                                  TCA6507_CODE_PWM0, TCA6507_CODE_PWM0, TCA6507_CODE_PWM0,
                                                  TCA6507_CODE_PWM0};

/* Port test: the next output on, the last one off. Ends after P6. */
static enum status step_ports(struct led_module *module) {
    uint8_t position = module->position++;
    enum status status = STATUS_OK;

    if (position > 0) {
        status = tca6507_set_output(&module->chip, (uint8_t)(position - 1u), TCA6507_CODE_OFF);
    }
    if (position == TCA6507_OUTPUTS) {
        module->test = LINK_TEST_STOP;
        timer_stop(&module->step);
        return status;
    }
    return status != STATUS_OK ? status : tca6507_set_output(&module->chip, position, TCA6507_CODE_ON);
}

/* Count test: PWM0 goes through its levels, and from 15 to 0 again. */
static enum status step_count(struct led_module *module) {
    uint8_t level = module->position++ % LEVELS;

    return level == 0 ? tca6507_set_level(&module->chip, TCA6507_PWM0, 0)
                      : tca6507_step_level(&module->chip, TCA6507_PWM0, 1);
}

static void step_test(struct led_module *module) {
    /* A step that fails is seen on the bus and in i2cErrors; the test goes on. */
    (void)written(module, module->test == LINK_TEST_PORTS ? step_ports(module) : step_count(module));
}

enum status led_module_test(struct led_module *module, uint8_t test, uint16_t step_ms) {
    enum status status;

    module->test = LINK_TEST_STOP;
    timer_stop(&module->step);
    status = attach(module);
    if (status == STATUS_OK) {
        status = written(module, tca6507_set_outputs(&module->chip, test == LINK_TEST_COUNT ? all_pwm0 : all_off));
    }
    if (status == STATUS_OK && test != LINK_TEST_STOP) {
        module->test = test;
        module->position = 0;
        timer_start_periodic(&module->step, step_ms);
        step_test(module);
    }
    return status;
}

static uint8_t start_test(struct led_module *module, const uint8_t *payload, uint8_t length) {
    struct link_led_test command;

    if (!link_unpack_led_test(payload, length, &command) || command.test > LINK_TEST_COUNT) {
        return LINK_STATUS_BAD_ARGUMENT;
    }
    if (command.test != LINK_TEST_STOP && (command.step_ms < MIN_STEP_MS || command.step_ms > MAX_STEP_MS)) {
        return LINK_STATUS_BAD_ARGUMENT;
    }
    return (uint8_t)led_module_test(module, command.test, command.step_ms);
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

static void end_test(struct led_module *module) {
    module->test = LINK_TEST_STOP;
    timer_stop(&module->step);
}

static uint8_t show(struct led_module *module, struct tca6507_color *color) {
    end_test(module);
    return (uint8_t)written(module, tca6507_set_color(&module->chip, color));
}

void led_module_show(struct led_module *module, uint8_t red, uint8_t green, uint8_t blue) {
    struct tca6507_color color = {0};

    color.leds = TCA6507_LED_BOTH;
    color.levels[0] = tca6507_level_of(red);
    color.levels[1] = tca6507_level_of(green);
    color.levels[2] = tca6507_level_of(blue);
    (void)show(module, &color);
}

/* The payload's four times as codes. False when one is too long. */
static bool unpack_times(const uint8_t *times, uint8_t *codes) {
    uint8_t i;

    for (i = 0; i < TCA6507_TIMES; i++) {
        uint16_t ms = link_get_u16(times + 2u * i);

        if (ms > TIME_MAX_MS) {
            return false;
        }
        codes[i] = tca6507_time_code(ms);
    }
    return true;
}

static uint8_t set_color(struct led_module *module, const uint8_t *payload, uint8_t length, struct link_ack *ack) {
    struct link_set_color command;
    struct tca6507_color color = {0};
    uint8_t status;
    uint8_t i;

    if (!link_unpack_set_color(payload, length, &command) || command.leds == 0 || command.leds > TCA6507_LED_BOTH ||
        command.effect > LINK_EFFECT_ONE_SHOT) {
        return LINK_STATUS_BAD_ARGUMENT;
    }
    color.leds = command.leds;
    color.effect = command.effect;
    color.levels[0] = tca6507_level_of(command.red);
    color.levels[1] = tca6507_level_of(command.green);
    color.levels[2] = tca6507_level_of(command.blue);
    /* Steady light has no times; its ack says zeros. */
    if (command.effect != LINK_EFFECT_STEADY &&
        !unpack_times(payload + LINK_LENGTH_SET_COLOR - 2u * TCA6507_TIMES, color.time_codes)) {
        return LINK_STATUS_BAD_ARGUMENT;
    }
    status = show(module, &color);
    if (status == LINK_STATUS_OK) {
        for (i = 0; i < 3; i++) {
            ack->data[i] = color.levels[i];
        }
        for (i = 0; i < TCA6507_TIMES; i++) {
            ack->data[3 + i] = color.time_codes[i];
        }
        ack->data_length = 3 + TCA6507_TIMES;
    }
    return status;
}

static uint8_t step_brightness(struct led_module *module, const uint8_t *payload, struct link_ack *ack) {
    int8_t step = (int8_t)payload[1];
    uint8_t status;

    if (step < -(int8_t)TCA6507_LEVEL_MAX || step > (int8_t)TCA6507_LEVEL_MAX) {
        return LINK_STATUS_BAD_ARGUMENT;
    }
    status = (uint8_t)written(module, tca6507_step_level(&module->chip, payload[0], step));
    if (status == LINK_STATUS_OK) {
        ack->data[0] = tca6507_level(&module->chip, payload[0]);
        ack->data_length = 1;
    }
    return status;
}

/* Least payload of each LED command, 0 for what is none. */
static uint8_t needed_length(uint8_t type) {
    switch (type) {
    case LINK_MSG_SET_COLOR:
        return LINK_LENGTH_SET_COLOR;
    case LINK_MSG_SET_OUTPUTS:
        return LINK_LENGTH_SET_OUTPUTS;
    case LINK_MSG_SET_BRIGHTNESS:
    case LINK_MSG_STEP_BRIGHTNESS:
        return LINK_LENGTH_SET_BRIGHTNESS;
    case LINK_MSG_LED_TEST:
        return LINK_LENGTH_LED_TEST;
    default:
        return 0;
    }
}

uint8_t led_module_execute(struct led_module *module, uint8_t type, const uint8_t *payload, uint8_t length,
                           struct link_ack *ack) {
    uint8_t needed = needed_length(type);
    enum status status;

    if (needed == 0) {
        return link_refusal(type);
    }
    if (length < needed) {
        return LINK_STATUS_BAD_ARGUMENT;
    }
    status = attach(module);
    if (status != STATUS_OK) {
        return (uint8_t)status;
    }
    switch (type) {
    case LINK_MSG_SET_COLOR:
        return set_color(module, payload, length, ack);
    case LINK_MSG_SET_OUTPUTS:
        end_test(module);
        return (uint8_t)written(module, tca6507_set_outputs(&module->chip, payload));
    case LINK_MSG_SET_BRIGHTNESS:
        return (uint8_t)written(module, tca6507_set_level(&module->chip, payload[0], payload[1]));
    case LINK_MSG_STEP_BRIGHTNESS:
        return step_brightness(module, payload, ack);
    default:
        return start_test(module, payload, length);
    }
}

/* --- the main loop's side ----------------------------------------------------------------------------------------- */

static void report(struct led_module *module, struct link *link) {
    uint8_t wire[LINK_MAX_WIRE];
    uint8_t *payload = wire + FRAME_PAYLOAD_OFFSET;

    link_put_u32(payload, clock_ms());
    link_copy(payload + 4, module->chip.registers, TCA6507_READABLE_REGISTERS);
    if (link_send(link, wire, LINK_MSG_LED_STATE, LINK_LENGTH_LED_STATE)) {
        module->report_due = 0;
    }
}

void led_module_poll(struct led_module *module, struct link *link, uint8_t happened) {
    if (timer_due(&module->retry)) {
        (void)attach(module);
    }
    if (timer_due(&module->step)) {
        step_test(module);
    }
    if ((happened & LINK_WROTE_REGISTERS) && module->chip.attached && tca6507_reload(&module->chip) == STATUS_OK) {
        module->report_due = 1;
    }
    if (happened & LINK_GREETED) {
        module->report_due = 1;
    }
    if (module->report_due && module->chip.attached) {
        report(module, link);
    }
}
