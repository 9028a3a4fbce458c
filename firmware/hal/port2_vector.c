/* The interrupt vector of port 2, which INT1 of the ADXL345 (motion.c) and the bridge's state (bridge.c) share. Both
 * are read by level, so main need only come and look. */
#include "board/earl.h"
#include "hal/interrupt.h"
#include "hal/sleep.h"

INTERRUPT(port2) {
    P2IFG = 0;
    return WAKE_PORT2;
}
