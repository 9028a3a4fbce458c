/*
 * Pins: every pin into a defined state, LED and EN outputs, and the edge interrupt of ADXL345 INT1 (motion.c).
 * port2_vector.c owns the P2 interrupt vector, button.c P1's. Peripherals select their own pins (P1SEL, P2SEL) in their
 * own init.
 */
#ifndef EARL_HAL_PORT_H
#define EARL_HAL_PORT_H

#include <stdbool.h>
#include <stdint.h>

/* All pins as board/earl.h says; TCA6507 EN low, motor low, unused pins outputs at low. Called by hal_init. */
void port_init(void);

/* The LaunchPad's red LED. */
void port_led(bool on);

/* EN of the TCA6507. After switching on, allow the time of its data sheet before the first transfer. */
void port_led_driver_enable(bool on);

/* Rising edges of ADXL345 INT1 wake main with WAKE_PORT2. Off after port_init. */
void port_motion_enable(bool on);

/* Level of ADXL345 INT1 now: true while it asserts. Read it after enabling, an edge may have passed before. */
bool port_motion_level(void);

#endif
