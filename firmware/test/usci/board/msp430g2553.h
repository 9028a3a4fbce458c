/*
 * Stands in for board/msp430g2553.h when hal/i2c.c is tested on a host: every access to a register of USCI_B0, port 1
 * or Timer0's CCR2 goes through usci_register, which lets the model in i2c_test.c move on. Only what hal/i2c.c uses.
 */
#ifndef USCI_MSP430G2553_H
#define USCI_MSP430G2553_H

#include <stdint.h>

enum usci_name {
    R_CTL0,
    R_CTL1,
    R_BR0,
    R_BR1,
    R_I2CIE,
    R_STAT,
    R_RXBUF,
    R_TXBUF,
    R_SA,
    R_IE2,
    R_IFG2,
    R_P1IN,
    R_P1OUT,
    R_P1DIR,
    R_P1SEL,
    R_P1SEL2,
    R_CCTL2,
    R_CCR2,
    REGISTERS
};

/* The register, after time has passed by the access. */
volatile uint16_t *usci_register(enum usci_name name);

#define UCB0CTL0  (*usci_register(R_CTL0))
#define UCB0CTL1  (*usci_register(R_CTL1))
#define UCB0BR0   (*usci_register(R_BR0))
#define UCB0BR1   (*usci_register(R_BR1))
#define UCB0I2CIE (*usci_register(R_I2CIE))
#define UCB0STAT  (*usci_register(R_STAT))
#define UCB0RXBUF (*usci_register(R_RXBUF))
#define UCB0TXBUF (*usci_register(R_TXBUF))
#define UCB0I2CSA (*usci_register(R_SA))
#define IE2       (*usci_register(R_IE2))
#define IFG2      (*usci_register(R_IFG2))
#define P1IN      (*usci_register(R_P1IN))
#define P1OUT     (*usci_register(R_P1OUT))
#define P1DIR     (*usci_register(R_P1DIR))
#define P1SEL     (*usci_register(R_P1SEL))
#define P1SEL2    (*usci_register(R_P1SEL2))
#define TA0CCTL2  (*usci_register(R_CCTL2))
#define TA0CCR2   (*usci_register(R_CCR2))

#define BIT0 0x01u
#define BIT1 0x02u
#define BIT2 0x04u
#define BIT3 0x08u
#define BIT4 0x10u
#define BIT6 0x40u
#define BIT7 0x80u

#define UCA0RXIFG 0x01u
#define UCA0TXIFG 0x02u
#define UCB0RXIE  0x04u
#define UCB0TXIE  0x08u
#define UCB0RXIFG 0x04u
#define UCB0TXIFG 0x08u
#define UCSSEL_2  0x80u
#define UCSWRST   0x01u
#define UCMST     0x08u
#define UCMODE_3  0x06u
#define UCSYNC    0x01u
#define UCTR      0x10u
#define UCTXSTP   0x04u
#define UCTXSTT   0x02u
#define UCNACKIE  0x08u
#define UCALIE    0x01u
#define UCNACKIFG 0x08u
#define UCALIFG   0x01u
#define UCBBUSY   0x10u
#define CCIE      0x0010u
#define INFO_D    0x1000u

#endif
