/* Sleeping, waking and the time awake: see sleep.h. SLAU144 "Operating Modes"; Timer1 in up mode, "Timer_A". */
#include "hal/sleep.h"

#include <stdbool.h>

#include "board/earl.h"
#include "hal/clock.h"
#include "hal/interrupt.h"
#include "hal/reset.h"
#include "hal/timer.h"

#define TIMER1_PERIOD_US 5000u /* pwm.c relies on it: 200 Hz */

/* Written by interrupt_exit (startup.s) and cleared here with interrupts off. */
KEPT volatile uint8_t sleep_wake_bits;

static struct {
    uint32_t awake_ms;
    uint16_t awake_us; /* below 1000 */
    uint16_t since;    /* Timer1 when the CPU woke */
    uint8_t holders;
} state;

static void start_counting(void) {
    TA1CTL &= (uint16_t)~TAIFG;
    state.since = TA1R;
}

/* Adds what Timer1 counted since start_counting. TAIFG tells of one turn of the timer; more are not seen. */
static void stop_counting(void) {
    uint16_t now;
    bool turned;
    do {
        now = TA1R;
        turned = (TA1CTL & TAIFG) != 0;
    } while (TA1R < now);
    uint16_t us = state.awake_us + now - state.since;
    if (turned)
        us += TIMER1_PERIOD_US;
    for (; us >= 1000u; us -= 1000u)
        state.awake_ms++;
    state.awake_us = us;
}

void sleep_init(void) {
    TA1CCR0 = TIMER1_PERIOD_US - 1u;
    TA1CTL = TASSEL_2 | ID_3 | MC_1 | TACLR;
    start_counting();
}

uint32_t sleep_awake_ms(void) {
    stop_counting();
    start_counting();
    return state.awake_ms;
}

/* Called with interrupts off, which the sleep instruction turns on; an interrupt that is pending is then served first.
 */
static void doze(void) {
    uint16_t mode = SR_GIE | (state.holders != 0 ? SR_LPM0 : SR_LPM3);
    stop_counting();
    __asm__ volatile("bis %0, r2\n\tnop\n\tdint\n\tnop" : : "r"(mode) : "memory", "cc");
    start_counting();
}

static uint8_t wait(uint8_t mask) {
    (void)interrupts_off();
    while ((sleep_wake_bits & mask) == 0)
        doze();
    uint8_t taken = sleep_wake_bits & mask;
    sleep_wake_bits &= (uint8_t)~mask;
    interrupts_restore(SR_GIE);
    return taken;
}

void sleep_wait(uint8_t mask) {
    (void)wait(mask);
}

/* By one instruction each, as BITS_SET does; clang would address the variable relative to PC, which lld cannot place.
 */
void sleep_note(uint8_t bits) {
    __asm__ volatile("bis.b %0, &sleep_wake_bits" : : "r"(bits) : "memory", "cc");
}

void sleep_forget(uint8_t bits) {
    __asm__ volatile("bic.b %0, &sleep_wake_bits" : : "r"(bits) : "memory", "cc");
}

uint8_t sleep_until_event(void) {
    uint16_t due_ms;
    bool known = timer_take_next(&due_ms);
    reset_watchdog();
    if (!known || !clock_is_near(due_ms))
        clock_service();
    if (!known)
        clock_alarm_in(CLOCK_LONGEST_TICKS);
    else if (!clock_alarm_at(due_ms))
        sleep_note(WAKE_TIMER);
    return wait(0xFF);
}

void sleep_hold(enum sleep_hold holder) {
    state.holders |= (uint8_t)holder;
}

void sleep_release(enum sleep_hold holder) {
    state.holders &= (uint8_t)~holder;
}
