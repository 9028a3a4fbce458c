/* Pins: see port.h. SLAU144 "Digital I/O", which also says what every reset makes 0: P1SEL, P3SEL, PxSEL2. */
#include "hal/port.h"

#include "board/earl.h"
#include "board/features.h"

/* Inputs of port 2. Without features P2.3 is a pin that nobody uses. */
#define PORT2_INPUTS (BOARD_MOTION | (FEATURE_BRIDGE ? BOARD_BRIDGE_STATE : 0))

void port_init(void) {
    P1OUT = BOARD_BUTTON; /* pulled up, all else low */
    P1REN = BOARD_BUTTON;
    P1DIR = (uint8_t) ~(BOARD_UART_PINS | BOARD_BUTTON | BOARD_LIGHT | BOARD_SCL | BOARD_SDA);
    P2SEL = 0; /* after reset P2.6 and P2.7 belong to the crystal oscillator */
    P2OUT = 0;
    P2REN =
        PORT2_INPUTS; /* pulled down, so that the input does not float without an accelerometer; see bridge.h, too */
    P2DIR = (uint8_t)~PORT2_INPUTS;
    P3OUT = 0; /* not bonded out in the 20-pin package, yet inputs would float */
    P3DIR = 0xFF;
}

void port_led(bool on) {
    if (on)
        P1OUT |= BOARD_LED;
    else
        P1OUT &= (uint8_t)~BOARD_LED;
}

void port_led_driver_enable(bool on) {
    if (on)
        P2OUT |= BOARD_LED_ENABLE;
    else
        P2OUT &= (uint8_t)~BOARD_LED_ENABLE;
}
