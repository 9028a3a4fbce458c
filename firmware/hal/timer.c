/* Deadlines: see timer.h. All comparisons are modulo 65536 milliseconds. */
#include "hal/timer.h"

#include "hal/clock.h"

static uint16_t next_due_ms;
static bool next_known;

static void note(uint16_t due_ms) {
    if (next_known && (int16_t)(due_ms - next_due_ms) >= 0)
        return;
    next_due_ms = due_ms;
    next_known = true;
}

void timer_start_periodic(struct timer *timer, uint16_t period_ms) {
    timer->due_ms = (uint16_t)clock_ms() + period_ms;
    timer->period_ms = period_ms;
    note(timer->due_ms);
}

void timer_start(struct timer *timer, uint16_t ms) {
    timer_start_periodic(timer, ms);
    timer->period_ms = TIMER_ONCE;
}

void timer_stop(struct timer *timer) {
    timer->period_ms = TIMER_STOPPED;
}

bool timer_due(struct timer *timer) {
    if (timer->period_ms == TIMER_STOPPED)
        return false;
    uint16_t now = (uint16_t)clock_ms();
    if ((int16_t)(now - timer->due_ms) < 0) {
        note(timer->due_ms);
        return false;
    }
    if (timer->period_ms == TIMER_ONCE) {
        timer_stop(timer);
        return true;
    }
    timer->due_ms += timer->period_ms;
    if ((int16_t)(now - timer->due_ms) >= 0)
        timer->due_ms = now + timer->period_ms;
    note(timer->due_ms);
    return true;
}

bool timer_take_next(uint16_t *due_ms) {
    bool known = next_known;
    *due_ms = next_due_ms;
    next_known = false;
    return known;
}
