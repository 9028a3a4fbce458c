/* The LED module, see led_module.h. */
#include "link/led_module.h"

#include <stddef.h>

#include "hal/clock.h"
#include "hal/port.h"
#include "runtime/bytes.h"

#define ENABLE_MS    5u /* generous: what the chip needs after EN rises was not found in the data sheet */
#define LED_RETRY_MS 500u

#define TIME_MAX_MS 16320u

/* --- attaching ---------------------------------------------------------------------------------------------------- */

void led_module_init(struct led_module *module) {
    /* A bus that is held low now is tried again by every transfer. */
    (void)tca6507_init(&module->chip);
    port_led_driver_enable(true);
    timer_start(&module->retry, ENABLE_MS);
}

/* Brings the chip to the state of the shadow, if it is not. */
enum status led_module_attach(struct led_module *module) {
    enum status status = STATUS_OK;

    if (module->chip.stale) {
        status = tca6507_refresh(&module->chip);
        module->report_due |= status == STATUS_OK;
    }
    if (module->chip.stale) {
        timer_start(&module->retry, LED_RETRY_MS);
    } else {
        timer_stop(&module->retry);
    }
    return status;
}

/* After a write: the host shall see it, or the chip be tried again. */
enum status led_module_written(struct led_module *module, enum status status) {
    if (status == STATUS_OK) {
        module->report_due = 1;
    } else if (module->chip.stale) {
        timer_start(&module->retry, LED_RETRY_MS);
    }
    return status;
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

static enum status apply_color(struct led_module *module) {
    return tca6507_set_color(&module->chip, &module->color);
}

void led_module_show(struct led_module *module, const uint8_t *levels) {
    module->color.leds = TCA6507_LED_BOTH;
    module->color.effect = TCA6507_STEADY;
    link_copy(module->color.levels, levels, sizeof module->color.levels);
    (void)led_module_written(module, apply_color(module));
}

#define PATTERN_TIMES (TCA6507_TIMES - 1u) /* both pauses are one */
#define COLOR_REPORT  (3u + PATTERN_TIMES)
_Static_assert(offsetof(struct tca6507_color, time_codes) == 3u, "the report stands at the head of the colour");

/* Payload: LEDs, red, green, blue, effect, four times. Answer: levels reached, time codes used, zeros for steady light.
 */
static enum status set_color(struct led_module *module, const uint8_t *payload, struct link_ack *ack) {
    struct tca6507_color *color = &module->color;
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
    for (i = 0; i < PATTERN_TIMES; i++) {
        uint16_t ms = color->effect == LINK_EFFECT_STEADY ? 0 : word_at(payload + 5 + 2 * i);

        if (ms > TIME_MAX_MS) {
            return STATUS_BAD_ARGUMENT;
        }
        color->time_codes[i] = tca6507_time_code(ms);
    }
    status = apply_color(module);
    if (status == STATUS_OK) {
        link_copy(ack->data, color->levels, COLOR_REPORT);
        ack->data_length = COLOR_REPORT;
    }
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

    if (type < LINK_MSG_SET_COLOR || type > LINK_MSG_STEP_BRIGHTNESS) {
        return LINK_STATUS_UNSUPPORTED;
    }
    status = led_module_attach(module);
    if (status != STATUS_OK) {
        return (uint8_t)status;
    }
    if (type == LINK_MSG_SET_COLOR) {
        status = set_color(module, payload, &link->ack);
    } else if (type == LINK_MSG_SET_OUTPUTS) {
        status = tca6507_set_outputs(&module->chip, payload);
    } else if (type == LINK_MSG_SET_BRIGHTNESS) {
        status = tca6507_set_level(&module->chip, payload[0], payload[1]);
    } else {
        status = step_brightness(module, payload, &link->ack);
    }
    return (uint8_t)led_module_written(module, status);
}

/* --- the main loop's side ----------------------------------------------------------------------------------------- */

static void report(struct led_module *module, struct link *link) {
    struct link_led_state *state = link_payload(link);

    link_copy(state->registers, module->chip.registers, TCA6507_READABLE_REGISTERS);
    link_send(link, LINK_MSG_LED_STATE, LINK_LENGTH_LED_STATE);
    module->report_due = 0;
}

void led_module_poll(struct led_module *module, struct link *link) {
    uint8_t happened = link_happened(link);

    if (timer_due(&module->retry)) {
        (void)led_module_attach(module);
    }
    if (!module->chip.attached) {
        return;
    }
    if ((happened & LINK_WROTE_REGISTERS) && tca6507_reload(&module->chip) == STATUS_OK) {
        module->report_due = 1;
    }
    if (happened & LINK_GREETED) {
        module->report_due = 1;
    }
    if (module->report_due && link_is_free(link)) {
        report(module, link);
    }
}
