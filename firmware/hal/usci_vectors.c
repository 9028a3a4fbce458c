/*
 * The two interrupt vectors that USCI_A0 and USCI_B0 share (SLAU144 "USCI Interrupts"), and nothing else.
 *
 * USCIAB0TX: transmit of the UART, transmit and receive of the I2C. USCIAB0RX: receive of the UART, state of the I2C.
 * Every image has both.
 */
#include "board/msp430g2553.h"
#include "hal/interrupt.h"

uint8_t uart_receive_interrupt(void);
uint8_t uart_transmit_interrupt(void);
uint8_t i2c_data_interrupt(void);
uint8_t i2c_state_interrupt(void);

/* The enable bits of UCB0I2CIE stand where the flags of UCB0STAT do. */
INTERRUPT(usci_rx) {
    uint8_t wake = 0;
    if (IFG2 & UCA0RXIFG)
        wake |= uart_receive_interrupt();
    if (UCB0STAT & UCB0I2CIE)
        wake |= i2c_state_interrupt();
    return wake;
}

INTERRUPT(usci_tx) {
    uint8_t wake = 0;
    uint8_t pending = IFG2 & IE2;
    if (pending & UCA0TXIFG)
        wake |= uart_transmit_interrupt();
    if (pending & (UCB0TXIFG | UCB0RXIFG))
        wake |= i2c_data_interrupt();
    return wake;
}
