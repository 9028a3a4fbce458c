/*
 * Sets up an HM-10 on the UART, once after each start, while nobody is connected: a state pin that does not blink, and
 * the name `Earl` with the last eight hex digits of the probe's id, under which it is found on the air.
 *
 * AT commands of JNHuaMao's data sheet, V5xx: no end mark, 9600 baud from the factory; name and pin function take
 * effect with a restart, and the module keeps them. So it is asked for its name first, and left alone when it has the
 * right one. Another module does not answer that question, and is asked no more after three times. The rate stays: 9600
 * baud are more than a probe needs, and a module and a probe that disagree about it are hard to bring together again.
 *
 * Left out: modules that want a line end after a command (clones), and those that were set to another rate.
 */
#ifndef LINK_BRIDGE_SETUP_H
#define LINK_BRIDGE_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/timer.h"

/* Scratch that bridge_setup_poll needs. */
#define BRIDGE_SETUP_TEXT 28u

/* All zeros at start. */
struct bridge_setup {
    struct timer timer;
    uint8_t step;
    uint8_t questions : 4; /* that nobody answered */
    uint8_t awaits : 1;    /* a reply */
};

/**
 * Once per pass, with the state of the pin. True while a reply is awaited: what comes from the UART then is not for the
 * link. Sends only while nobody is connected. `text` is BRIDGE_SETUP_TEXT bytes that nobody else uses while it sends.
 */
bool bridge_setup_poll(struct bridge_setup *setup, bool connected, uint8_t *text);

#endif
