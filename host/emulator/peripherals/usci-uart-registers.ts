/** Addresses and bits of USCI_A0 in UART mode (SLAU144, "USCI Registers: UART Mode"; SLAS735). Constants only. */

export const uca0 = {
  ABCTL: 0x5d,
  IRTCTL: 0x5e,
  IRRCTL: 0x5f,
  CTL0: 0x60,
  CTL1: 0x61,
  BR0: 0x62,
  BR1: 0x63,
  MCTL: 0x64,
  STAT: 0x65,
  RXBUF: 0x66,
  TXBUF: 0x67,
} as const;

/** UCA0CTL0. */
export const ctl0 = {
  UCPEN: 0x80,
  UCPAR: 0x40,
  UCMSB: 0x20,
  UC7BIT: 0x10,
  UCSPB: 0x08,
  UCMST: 0x08,
  UCMODE: 0x06,
  UCSYNC: 0x01,
} as const;

/** UCMODEx of UCA0CTL0 in asynchronous mode. */
export const uartMode = { plain: 0x00, idleLine: 0x02, addressBit: 0x04, autoBaud: 0x06 } as const;

/** UCA0ABCTL; bits 4 and 5 are UCDELIMx. */
export const abctl = { UCDELIM: 0x30, UCSTOE: 0x08, UCBTOE: 0x04, UCABDEN: 0x01 } as const;

/** UCA0CTL1. */
export const ctl1 = {
  UCSSEL: 0xc0,
  UCRXEIE: 0x20,
  UCBRKIE: 0x10,
  UCDORM: 0x08,
  UCTXADDR: 0x04,
  UCTXBRK: 0x02,
  UCSWRST: 0x01,
} as const;

/** UCA0IRTCTL; bits 2-7 are UCIRTXPLx. */
export const irtctl = { UCIRTXCLK: 0x02, UCIREN: 0x01 } as const;

/** UCA0IRRCTL; bits 2-7 are UCIRRXFLx. */
export const irrctl = { UCIRRXPL: 0x02, UCIRRXFE: 0x01 } as const;

/** UCA0STAT. */
export const stat = {
  UCLISTEN: 0x80,
  UCFE: 0x40,
  UCOE: 0x20,
  UCPE: 0x10,
  UCBRK: 0x08,
  UCRXERR: 0x04,
  /** UCIDLE in the idle-line format. */
  UCADDR: 0x02,
  UCBUSY: 0x01,
} as const;

/** The registers that are more than a buffer, UCA0BR0 and UCA0BR1 as one divider. */
export interface UartRegisters {
  control0: number;
  control1: number;
  divider: number;
  modulation: number;
  status: number;
  irTransmit: number;
  irReceive: number;
  autoBaud: number;
}
