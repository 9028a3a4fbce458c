/** Addresses and bits of USCI_B0 in I2C mode (SLAU144, "USCI Registers: I2C Mode"; SLAS735). Constants only. */

export const ucb0 = {
  CTL0: 0x68,
  CTL1: 0x69,
  BR0: 0x6a,
  BR1: 0x6b,
  I2CIE: 0x6c,
  STAT: 0x6d,
  RXBUF: 0x6e,
  TXBUF: 0x6f,
  I2COA: 0x118,
  I2CSA: 0x11a,
} as const;

/** UCB0CTL0. */
export const ctl0 = {
  UCA10: 0x80,
  UCSLA10: 0x40,
  UCMM: 0x20,
  UCMST: 0x08,
  UCMODE: 0x06,
  UCMODE_I2C: 0x06,
  UCSYNC: 0x01,
} as const;

/** UCB0CTL1. */
export const ctl1 = {
  UCSSEL: 0xc0,
  UCTR: 0x10,
  UCTXNACK: 0x08,
  UCTXSTP: 0x04,
  UCTXSTT: 0x02,
  UCSWRST: 0x01,
} as const;

/** UCB0STAT; the lower four bits are also those of UCB0I2CIE. */
export const stat = {
  UCSCLLOW: 0x40,
  UCGC: 0x20,
  UCBBUSY: 0x10,
  UCNACKIFG: 0x08,
  UCSTPIFG: 0x04,
  UCSTTIFG: 0x02,
  UCALIFG: 0x01,
  STATE_FLAGS: 0x0f,
} as const;

/** First byte of a 10-bit address, for writing: 11110, its two highest bits, 0 (UM10204). */
export function tenBitHeader(address: number): number {
  return 0xf0 | ((address >> 7) & 6);
}
