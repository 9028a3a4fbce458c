/*
 * The ball: two RGB LEDs behind a TCA6507 and a button.
 *
 * The button shows the next colour of a small palette, with or without a host. A host sends LED commands and receives a
 * sample four times a second (set_interval), an event for every press and release, and the LED registers after every
 * change. Kept between events in LPM3: the UART wakes the clock it needs by itself, time is counted on the VLO.
 */
#include "drivers/tca6507.h"
#include "hal/button.h"
#include "hal/hal.h"
#include "hal/sleep.h"
#include "hal/uart.h"
#include "link/link.h"
#include "link/led_module.h"

struct probe {
    struct link link;
    struct led_module leds;
    struct button button;
    uint16_t presses;
    uint8_t color; /* index into palette */
};

static const uint8_t palette[][3] = {
    {0, 0, 0}, {15, 0, 0}, {15, 6, 0}, {0, 15, 0}, {0, 9, 9}, {0, 0, 15}, {9, 0, 15}, {15, 15, 15},
};

const struct link_profile probe_profile = {LINK_KIND_BALL, LINK_CAP_LEDS | LINK_CAP_BUTTON | LINK_CAP_REGISTERS};

static void next_color(struct probe *probe) {
    probe->color = (uint8_t)((probe->color + 1u) % (sizeof palette / sizeof palette[0]));
    led_module_show(&probe->leds, palette[probe->color]);
}

static void poll_button(struct probe *probe) {
    /* The button keeps its event until there is room for it. */
    if (!link_is_free(&probe->link)) {
        return;
    }
    switch (button_poll(&probe->button)) {
    case BUTTON_PRESSED:
        probe->presses++;
        next_color(probe);
        link_raise(&probe->link, LINK_EVENT_BUTTON_PRESSED, probe->presses);
        break;
    case BUTTON_RELEASED:
        link_raise(&probe->link, LINK_EVENT_BUTTON_RELEASED, probe->presses);
        break;
    case BUTTON_NONE:
        break;
    }
}

static void send_sample(struct probe *probe) {
    struct link_ball_sample *sample = link_payload(&probe->link);

    sample->presses = probe->presses;
    sample->pressed = probe->button.pressed;
    link_send(&probe->link, LINK_MSG_BALL_SAMPLE, LINK_LENGTH_BALL_SAMPLE);
}

int main(void) {
    static struct probe probe;

    hal_init();
    (void)uart_init(UART_BAUD_9600);
    led_module_init(&probe.leds);
    button_init(&probe.button);
    link_init(&probe.link);
    for (;;) {
        while (link_poll(&probe.link)) {
            link_answer(&probe.link, led_module_execute(&probe.leds, &probe.link));
        }
        poll_button(&probe);
        led_module_poll(&probe.leds, &probe.link);
        if (link_sample_due(&probe.link)) {
            send_sample(&probe);
        }
        (void)sleep_until_event();
    }
}
