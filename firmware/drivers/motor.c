/* Vibration motor, see motor.h. */
#include "drivers/motor.h"
#include "hal/pwm.h"

enum status motor_run(struct motor *motor, uint8_t duty, uint16_t duration_ms) {
    enum status status;

    if (duration_ms > MOTOR_MAX_DURATION_MS) {
        return STATUS_BAD_ARGUMENT;
    }
    status = pwm_set_duty(duration_ms == 0 && duty <= 100u ? 0 : duty);
    if (status != STATUS_OK) {
        return status;
    }
    if (duty == 0 || duration_ms == 0) {
        timer_stop(&motor->end);
    } else {
        timer_start(&motor->end, duration_ms);
    }
    return STATUS_OK;
}

void motor_poll(struct motor *motor) {
    if (timer_due(&motor->end)) {
        /* 0 is always a good duty. */
        (void)pwm_set_duty(0);
    }
}
