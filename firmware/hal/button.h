/*
 * The button, debounced by time: an edge wakes main; a new level counts when it has been stable for BUTTON_DEBOUNCE_MS.
 */
#ifndef EARL_HAL_BUTTON_H
#define EARL_HAL_BUTTON_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/timer.h"

#define BUTTON_DEBOUNCE_MS 20u

/* All zeros, then button_init. */
struct button {
    struct timer debounce;
    bool candidate; /* level that waits to become stable */
    bool pressed;   /* debounced */
};

enum button_event { BUTTON_NONE, BUTTON_PRESSED, BUTTON_RELEASED };

/* Starts the edge interrupt. A button held at start counts as pressed after the debounce time. */
void button_init(struct button *button);

/* Once per pass of the main loop; at most one event per call. */
enum button_event button_poll(struct button *button);

#endif
