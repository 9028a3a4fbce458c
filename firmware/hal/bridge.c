/* State pin of a radio module on P2.3: see bridge.h. SLAU144 "Digital I/O"; PxIES must follow the level, as in
 * button.c. */
#include "hal/bridge.h"

#include "board/earl.h"

/* A microsecond, in which 50 kOhm charge 20 pF. */
static void let_settle(void) {
    __asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop");
}

bool bridge_connected(void) {
    bool high;
    P2IE &= (uint8_t)~BOARD_BRIDGE_STATE;
    P2OUT |= BOARD_BRIDGE_STATE; /* pulls up */
    let_settle();
    high = (P2IN & BOARD_BRIDGE_STATE) != 0;
    if (high) {
        P2IES |= BOARD_BRIDGE_STATE;
    } else {
        P2OUT &= (uint8_t)~BOARD_BRIDGE_STATE; /* pulls down */
        P2IES &= (uint8_t)~BOARD_BRIDGE_STATE;
    }
    P2IFG &= (uint8_t)~BOARD_BRIDGE_STATE;
    if (((P2IN & BOARD_BRIDGE_STATE) != 0) != high) {
        P2IFG |= BOARD_BRIDGE_STATE; /* it changed meanwhile: main comes again at once */
    }
    P2IE |= BOARD_BRIDGE_STATE;
    return high;
}
