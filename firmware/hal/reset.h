/*
 * Why the probe started, how often, the watchdog, and how deep the stack went.
 *
 * Cause from IFG1 (SLAU144 "System Reset and Initialization"): PORIFG, RSTIFG, WDTIFG, cleared after reading; a
 * software reset is a watchdog key violation with a marker in .noinit RAM. The boot counter lives in .noinit too and
 * starts at 1 when power came (PORIFG) or its check word is wrong.
 *
 * Watchdog: WDT+ on ACLK, 32768 periods (1.6 to 8.2 s, typically 2.7), started by hal_init, serviced in main only.
 * Stack: start-up code paints the free RAM; the high-water mark is what has been overwritten.
 */
#ifndef EARL_HAL_RESET_H
#define EARL_HAL_RESET_H

#include <stdint.h>

/* The numbers are those of `resetCauses` in the link protocol. */
enum reset_cause {
    RESET_POWER_ON = 0,
    RESET_PIN = 1,
    RESET_WATCHDOG = 2,
    RESET_SOFTWARE = 3,
    RESET_UNKNOWN = 255 /* none of the flags, e.g. a flash key violation or a start by the bootloader */
};

/* Called by hal_init before anything else. */
void reset_init(void);

enum reset_cause reset_cause(void);

/* Starts since power was applied: 1 for the first; stops at 65535. */
uint16_t reset_boots(void);

/* Restarts the probe; reset_cause will be RESET_SOFTWARE. */
__attribute__((noreturn)) void reset_software(void);

/* Starts or services the watchdog. sleep_until_event does this for main. */
void reset_watchdog(void);

/* Most bytes of stack used since start. */
uint16_t reset_stack_high_water(void);

#endif
