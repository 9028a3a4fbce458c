/*
 * The debounced button: see button.h. The port interrupt only wakes main; the level is read here. Because the edge
 * select follows the level that the pin had last, an edge between reading and re-arming is seen as a pending flag
 * (SLAU144 "Digital I/O", PxIES).
 */
#include "hal/button.h"

#include "board/earl.h"
#include "hal/interrupt.h"
#include "hal/sleep.h"

static bool pin_is_low(void) {
    return (P1IN & BOARD_BUTTON) == 0;
}

/* Waits for the edge away from `pressed`; catches one that came meanwhile. */
static void arm_edge(bool pressed) {
    if (pressed)
        P1IES &= (uint8_t)~BOARD_BUTTON;
    else
        P1IES |= BOARD_BUTTON;
    P1IFG &= (uint8_t)~BOARD_BUTTON;
    if (pin_is_low() != pressed)
        P1IFG |= BOARD_BUTTON;
}

void button_init(struct button *button) {
    button->pressed = false;
    button->candidate = false;
    timer_stop(&button->debounce);
    arm_edge(false);
    P1IE |= BOARD_BUTTON;
}

enum button_event button_poll(struct button *button) {
    bool now = pin_is_low();
    if (now != button->candidate) {
        button->candidate = now;
        arm_edge(now);
        timer_start(&button->debounce, BUTTON_DEBOUNCE_MS);
    }
    if (!timer_due(&button->debounce))
        return BUTTON_NONE;
    if (button->candidate == button->pressed)
        return BUTTON_NONE;
    button->pressed = button->candidate;
    return button->pressed ? BUTTON_PRESSED : BUTTON_RELEASED;
}

INTERRUPT(port1) {
    P1IFG = 0;
    return WAKE_BUTTON;
}
