/* INT1 of the ADXL345 on P2.0: see port.h. SLAU144 "Digital I/O". */
#include "hal/port.h"

#include "board/earl.h"

void port_motion_enable(bool on) {
    P2IE &= (uint8_t)~BOARD_MOTION;
    P2IES &= (uint8_t)~BOARD_MOTION; /* rising; writing it may set the flag */
    P2IFG &= (uint8_t)~BOARD_MOTION;
    if (on)
        P2IE |= BOARD_MOTION;
}

bool port_motion_level(void) {
    return (P2IN & BOARD_MOTION) != 0;
}
