/*
 * PWM of the vibration motor: TA1.1 on P2.1, 200 Hz, 0 to 100 % in steps of 1 %. Timer1 counts SMCLK / 8 in up mode and
 * is shared with the awake counter of sleep.c, which starts it.
 *
 * 1 to 99 % need SMCLK while the CPU sleeps and therefore hold LPM0; 0 % and 100 % are constant levels and hold
 * nothing.
 */
#ifndef EARL_HAL_PWM_H
#define EARL_HAL_PWM_H

#include <stdint.h>

#include "hal/status.h"

/* Takes effect within one period. STATUS_BAD_ARGUMENT above 100. The pin is low from port_init until the first call. */
enum status pwm_set_duty(uint8_t percent);

#endif
