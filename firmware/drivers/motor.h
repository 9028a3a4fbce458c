/* Vibration motor: PWM with an end (hal/pwm.h drives the pin). */
#ifndef DRIVERS_MOTOR_H
#define DRIVERS_MOTOR_H

#include <stdint.h>

#include "hal/status.h"
#include "hal/timer.h"

#define MOTOR_MAX_DURATION_MS 10000u

/* All zeros is a motor at rest. */
struct motor {
    struct timer end;
};

/**
 * Runs for `duration_ms` (0 to 10000) at `duty` percent (0 to 100) and then stops; either being 0 stops now. Replaces
 * a run that is going on. STATUS_BAD_ARGUMENT changes nothing.
 */
enum status motor_run(struct motor *motor, uint8_t duty, uint16_t duration_ms);

/** Once per pass of the main loop: stops the motor in time. */
void motor_poll(struct motor *motor);

#endif
