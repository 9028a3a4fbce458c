/*
 * Pin map of the Earl board, which is also the wiring of an MSP-EXP430G2 LaunchPad with an Earl module on its headers.
 *
 *   P1.0  red LED of the LaunchPad, high = on: blinks when the probe cannot start (hal/clock.h)
 *   P1.1  UCA0RXD   from the USB side; the LaunchPad's jumpers in the hardware UART position
 *   P1.2  UCA0TXD   to the USB side
 *   P1.3  button S2, active low, internal pull-up
 *   P1.4  A4, phototransistor like the TEMT6000 into 2.2 kOhm: 0.5 uA/lux, 1.1 mV/lux, 1.5 V is 1364 lux
 *   P1.6  UCB0SCL   take jumper J5 off: the green LED hangs on this pin
 *   P1.7  UCB0SDA
 *   P2.0  INT1 of the ADXL345, active high
 *   P2.1  TA1.1, PWM of the vibration motor's transistor, high = on
 *   P2.2  EN of the TCA6507, high = on
 *   P2.3  state of a radio module on the UART: low = a module is there and nobody is connected; high, or nothing on the
 *         pin, = somebody is connected, or the UART is a wire
 *
 * Pins that are not named are outputs at low (SLAU144, "Configuring unused port pins"). hal/port.h sets all of them.
 */
#ifndef EARL_BOARD_EARL_H
#define EARL_BOARD_EARL_H

#include "board/msp430g2553.h"

#define BOARD_LED           BIT0 /* port 1 */
#define BOARD_UART_PINS     (BIT1 | BIT2)
#define BOARD_BUTTON        BIT3 /* port 1, active low */
#define BOARD_LIGHT         BIT4 /* port 1 */
#define BOARD_LIGHT_CHANNEL 4u   /* ADC10 channel of P1.4 */
#define BOARD_SCL           BIT6 /* port 1 */
#define BOARD_SDA           BIT7 /* port 1 */
#define BOARD_MOTION        BIT0 /* port 2, ADXL345 INT1 */
#define BOARD_MOTOR         BIT1 /* port 2, TA1.1 */
#define BOARD_LED_ENABLE    BIT2 /* port 2, TCA6507 EN */

#define BOARD_BRIDGE_STATE BIT3 /* port 2 */

/* Output of the light sensor in microvolts per lux. */
#define BOARD_LIGHT_UV_PER_LUX 1100u

/*
 * Identity, written into information segment D when the probe is flashed; the chip has no serial number.
 * Byte 0: 0xEA, byte 1: layout, bytes 2-9: id, big-endian. Layout 1: bytes 10-11: CRC-16/CCITT-FALSE over bytes 0-9,
 * little-endian. Layout 2: bytes 10-25: key, bytes 26-27: the CRC over bytes 0-25.
 */
#define BOARD_IDENTITY            ((const uint8_t *)INFO_D)
#define BOARD_IDENTITY_MAGIC      0xEAu
#define BOARD_IDENTITY_LAYOUT     1u
#define BOARD_IDENTITY_LAYOUT_KEY 2u

#endif
