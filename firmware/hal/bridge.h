/*
 * The state pin of a radio module on the UART (board/earl.h): is anybody at the other end?
 *
 * Low: a module is there and nobody is connected to it. High: somebody is. Without a module nothing is on the pin, and
 * it reads high: the UART is a wire, at whose end somebody may be at any time. Each edge wakes main.
 */
#ifndef EARL_HAL_BRIDGE_H
#define EARL_HAL_BRIDGE_H

#include <stdbool.h>

/*
 * Is somebody connected? Waits for the next change from here on, so call it once per pass, from main only. Takes 2 us.
 *
 * The pull resistor follows: up when the pin is looked at and while it is high, down while a module holds it low, where
 * a pull-up would cost 65 to 165 uA for ever (SLAS735: 20 to 50 kOhm). A module that is taken off while nobody is
 * connected is noticed by the next pass.
 */
bool bridge_connected(void);

#endif
