/* Start of the hardware abstraction: see hal.h. */
#include "hal/hal.h"

#include "hal/clock.h"
#include "hal/interrupt.h"
#include "hal/port.h"
#include "hal/reset.h"
#include "hal/sleep.h"

void hal_init(void) {
    reset_init();
    port_init();
    clock_init();
    sleep_init();
    reset_watchdog();
    interrupts_restore(0x0008);
}
