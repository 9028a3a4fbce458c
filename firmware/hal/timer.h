/*
 * Deadlines in probe time, as many as main likes.
 *
 * A timer is a struct of the caller; no interrupt touches it. timer_due is polled once per pass of the main loop. A
 * timer that is started, and a running one that is polled and not due yet, note their deadline for the next
 * sleep_until_event, which wakes main in time. One that is neither in a pass therefore does not wake main.
 *
 * Periodic timers keep absolute deadlines (due += period): their mean rate is that of the VLO's calibration, without
 * rounding drift. Resolution is one ACLK tick (83 us typically) plus the millisecond grid of clock_ms.
 * Durations and periods: 0 to 30000 ms (16-bit arithmetic; the caller checks).
 */
#ifndef EARL_HAL_TIMER_H
#define EARL_HAL_TIMER_H

#include <stdbool.h>
#include <stdint.h>

/* All zeros is a stopped timer. */
struct timer {
    uint16_t due_ms;    /* low half of the probe time of the deadline */
    uint16_t period_ms; /* TIMER_STOPPED, TIMER_ONCE, or the period */
};

#define TIMER_STOPPED 0u
#define TIMER_ONCE    0xffffu

/* Due once, `ms` from now. Restarts a running timer. */
void timer_start(struct timer *timer, uint16_t ms);

/* Due every `period_ms` (1 to 30000), first after one period. */
void timer_start_periodic(struct timer *timer, uint16_t period_ms);

void timer_stop(struct timer *timer);

/*
 * True once per deadline. A one-shot timer stops; a periodic one advances by its period. If main was so late that the
 * next deadline has passed as well, the missed ones are dropped and the phase starts anew from now.
 */
bool timer_due(struct timer *timer);

/* For sleep.c: takes the earliest deadline noted since the last call. False: none. */
bool timer_take_next(uint16_t *due_ms);

#endif
