/* The LED module, see led_module.h. */
#include "link/led_module.h"

#include <stddef.h>

#include "hal/clock.h"
#include "hal/port.h"

#define ENABLE_MS 5u /* generous: what the chip needs after EN rises was not found in the data sheet */
#define RETRY_MS  500u

#define MIN_STEP_MS 20u
#define MAX_STEP_MS 10000u

#define TIME_MAX_MS 16320u
#define LEVELS      16u
#define TEST_BEGINS 0xffu /* position before the first step */

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
static const uint8_t all_pwm0[TCA6507_OUTPUTS] = {
    TCA6507_CODE_OFF /* not connected */,
    TCA6507_CODE_PWM0,
    TCA6507_CODE_PWM0,
    TCA6507_CODE_PWM0,
    TCA6507_CODE_PWM0,
    TCA6507_CODE_PWM0,
    TCA6507_CODE_PWM0,
};

static void end_test(struct led_module *module) {
    module->test = LINK_TEST_STOP;
    timer_stop(&module->step);
}

/* Port test: the next output on, the last one off. Ends after P6. */
static enum status step_ports(struct led_module *module) {
    uint8_t position = module->position++;
    enum status status = STATUS_OK;

    if (position > 0) {
        status = tca6507_set_output(&module->chip, (uint8_t)(position - 1u), TCA6507_CODE_OFF);
    }
    if (position == TCA6507_OUTPUTS) {
        end_test(module);
        return status;
    }
    return status != STATUS_OK ? status : tca6507_set_output(&module->chip, position, TCA6507_CODE_ON);
}

/* Count test: PWM0 goes through its levels, and from 15 to 0 again. */
static enum status step_count(struct led_module *module) {
    uint8_t level = module->position;

    module->position = (uint8_t)((level + 1u) % LEVELS);
    return level == 0 ? tca6507_set_level(&module->chip, TCA6507_PWM0, 0)
                      : tca6507_step_level(&module->chip, TCA6507_PWM0, 1);
}

/* A step that fails is seen on the bus and in i2cErrors; the test goes on. */
static void step_test(struct led_module *module) {
    enum status status;

    if (module->position == TEST_BEGINS) {
        module->position = 0;
        status = tca6507_set_outputs(&module->chip, module->test == LINK_TEST_COUNT ? all_pwm0 : all_off);
        if (status != STATUS_OK) {
            (void)written(module, status);
            return;
        }
    }
    (void)written(module, module->test == LINK_TEST_PORTS ? step_ports(module) : step_count(module));
}

void led_module_test(struct led_module *module, uint8_t test, uint16_t step_ms) {
    module->test = test;
    module->position = TEST_BEGINS;
    timer_start_periodic(&module->step, step_ms);
}

/* Payload: test, time of a step. */
static enum status start_test(struct led_module *module, const uint8_t *payload) {
    uint16_t step_ms = link_get_u16(payload + 1);

    if (payload[0] == LINK_TEST_STOP) {
        end_test(module);
        return tca6507_set_outputs(&module->chip, all_off);
    }
    if (payload[0] > LINK_TEST_COUNT || step_ms < MIN_STEP_MS || step_ms > MAX_STEP_MS) {
        return STATUS_BAD_ARGUMENT;
    }
    led_module_test(module, payload[0], step_ms);
    return STATUS_OK;
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

void led_module_show(struct led_module *module, const uint8_t *rgb) {
    struct tca6507_color color;

    color.leds = TCA6507_LED_BOTH;
    color.effect = TCA6507_STEADY;
    color.levels[0] = tca6507_level_of(rgb[0]);
    color.levels[1] = tca6507_level_of(rgb[1]);
    color.levels[2] = tca6507_level_of(rgb[2]);
    end_test(module);
    (void)written(module, tca6507_set_color(&module->chip, &color));
}

#define COLOR_REPORT (3u + TCA6507_TIMES)
_Static_assert(offsetof(struct tca6507_color, leds) == COLOR_REPORT, "the report stands at the head of the colour");
_Static_assert(sizeof(struct tca6507_color) <= LINK_MAX_ACK_DATA, "the colour fits an ack's data");

/*
 * Payload: LEDs, red, green, blue, effect, four times. Answer: levels reached, time codes used, zeros for steady light.
 * The colour is worked out where the answer will stand, which saves stack.
 */
static enum status set_color(struct led_module *module, const uint8_t *payload, struct link_ack *ack) {
    struct tca6507_color *color = (struct tca6507_color *)ack->data;
    enum status status;
    uint8_t i;

    color->leds = payload[0];
    color->effect = payload[4];
    if (color->leds == 0 || color->leds > TCA6507_LED_BOTH || color->effect > LINK_EFFECT_ONE_SHOT) {
        return STATUS_BAD_ARGUMENT;
    }
    for (i = 0; i < 3; i++) {
        color->levels[i] = tca6507_level_of(payload[1 + i]);
    }
    for (i = 0; i < TCA6507_TIMES; i++) {
        uint16_t ms = color->effect == LINK_EFFECT_STEADY ? 0 : link_get_u16(payload + 5 + 2 * i);

        if (ms > TIME_MAX_MS) {
            return STATUS_BAD_ARGUMENT;
        }
        color->time_codes[i] = tca6507_time_code(ms);
    }
    end_test(module);
    status = tca6507_set_color(&module->chip, color);
    ack->data_length = status == STATUS_OK ? COLOR_REPORT : 0;
    return status;
}

/* Payload: source, step. Answer: the new level. */
static enum status step_brightness(struct led_module *module, const uint8_t *payload, struct link_ack *ack) {
    int8_t step = (int8_t)payload[1];
    enum status status;

    if (step < -(int8_t)TCA6507_LEVEL_MAX || step > (int8_t)TCA6507_LEVEL_MAX) {
        return STATUS_BAD_ARGUMENT;
    }
    status = tca6507_step_level(&module->chip, payload[0], step);
    if (status == STATUS_OK) {
        ack->data[0] = tca6507_level(&module->chip, payload[0]);
        ack->data_length = 1;
    }
    return status;
}

uint8_t led_module_execute(struct led_module *module, struct link *link) {
    uint8_t type = frame_type(&link->receiver);
    const uint8_t *payload = frame_payload(&link->receiver);
    enum status status;

    if (type < LINK_MSG_SET_COLOR || type > LINK_MSG_LED_TEST) {
        return LINK_STATUS_UNSUPPORTED;
    }
    status = attach(module);
    if (status != STATUS_OK) {
        return (uint8_t)status;
    }
    switch (type) {
    case LINK_MSG_SET_COLOR:
        status = set_color(module, payload, &link->ack);
        break;
    case LINK_MSG_SET_OUTPUTS:
        end_test(module);
        status = tca6507_set_outputs(&module->chip, payload);
        break;
    case LINK_MSG_SET_BRIGHTNESS:
        status = tca6507_set_level(&module->chip, payload[0], payload[1]);
        break;
    case LINK_MSG_STEP_BRIGHTNESS:
        status = step_brightness(module, payload, &link->ack);
        break;
    default:
        status = start_test(module, payload);
        break;
    }
    return (uint8_t)written(module, status);
}

/* --- the main loop's side ----------------------------------------------------------------------------------------- */

/* Functions with frames of their own: what they need is on the stack only while they run. */
#define OWN_FRAME __attribute__((noinline))

static OWN_FRAME void report(struct led_module *module, struct link *link) {
    uint8_t wire[LINK_MAX_WIRE];

    link_put_u32(wire + FRAME_PAYLOAD_OFFSET, clock_ms());
    link_copy(wire + FRAME_PAYLOAD_OFFSET + 4, module->chip.registers, TCA6507_READABLE_REGISTERS);
    if (link_send(link, wire, LINK_MSG_LED_STATE, LINK_LENGTH_LED_STATE)) {
        module->report_due = 0;
    }
}

/* What is due on the bus. */
static OWN_FRAME void work(struct led_module *module, uint8_t happened) {
    if (timer_due(&module->retry)) {
        (void)attach(module);
    }
    if (timer_due(&module->step) || (module->test != LINK_TEST_STOP && module->position == TEST_BEGINS)) {
        step_test(module);
    }
    if ((happened & LINK_WROTE_REGISTERS) && module->chip.attached && tca6507_reload(&module->chip) == STATUS_OK) {
        module->report_due = 1;
    }
    if (happened & LINK_GREETED) {
        module->report_due = 1;
    }
}

void led_module_poll(struct led_module *module, struct link *link) {
    work(module, link_happened(link));
    if (module->report_due && module->chip.attached) {
        report(module, link);
    }
}
