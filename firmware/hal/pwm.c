/*
 * Motor PWM: see pwm.h. SLAU144 "Timer_A", output mode 7: set when the count reaches CCR0, reset when it reaches CCR1,
 * so the output is high for CCR1 + 1 of CCR0 + 1 counts.
 */
#include "hal/pwm.h"

#include "board/earl.h"
#include "hal/sleep.h"

#define COUNTS_PER_PERCENT 50u /* Timer1 runs 5000 counts a period, see sleep.c */

enum status pwm_set_duty(uint8_t percent) {
    if (percent > 100u)
        return STATUS_BAD_ARGUMENT;
    if (percent == 0 || percent == 100u) {
        if (percent == 0)
            P2OUT &= (uint8_t)~BOARD_MOTOR;
        else
            P2OUT |= BOARD_MOTOR;
        P2SEL &= (uint8_t)~BOARD_MOTOR;
        TA1CCTL1 = OUTMOD_0;
        sleep_release(SLEEP_HOLD_PWM);
        return STATUS_OK;
    }
    sleep_hold(SLEEP_HOLD_PWM);
    TA1CCR1 = (uint16_t)percent * COUNTS_PER_PERCENT - 1u;
    TA1CCTL1 = OUTMOD_7;
    P2SEL |= BOARD_MOTOR;
    return STATUS_OK;
}
