/*
 * Brings the chip from reset to a running clock. The only call that a main needs before the peripherals' own inits:
 *
 *     int main(void) {
 *       hal_init();
 *       uart_init(UART_BAUD_9600);
 *       for (;;) {
 *         uint8_t wake = sleep_until_event();
 *         ...poll every timer, the button and the UART once per pass...
 *       }
 *     }
 */
#ifndef EARL_HAL_HAL_H
#define EARL_HAL_HAL_H

/*
 * In this order: reset cause and boot counter, pins, DCO at 8 MHz, VLO measured (about 3 ms), probe time at 0, awake
 * counter, watchdog on, interrupts on. Does not return when the DCO's calibration constants are erased (see clock.h).
 */
void hal_init(void);

#endif
