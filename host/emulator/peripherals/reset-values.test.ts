/** Every register after power-on (SLAU144, the reset values beside each register's bits; SLAS735 for the addresses). */

import { expect, it } from 'vitest';
import { Board } from '../board.ts';
import { imageFromWords } from '../image/words.ts';

const bytes: Readonly<Record<string, readonly [number, number]>> = {
  IE1: [0x00, 0],
  IE2: [0x01, 0],
  // OFIFG, because nothing swings on XIN; PORIFG.
  IFG1: [0x02, 0x06],
  // UCA0TXIFG and UCB0TXIFG.
  IFG2: [0x03, 0x0a],
  P3REN: [0x10, 0],
  P3DIR: [0x1a, 0],
  P3SEL: [0x1b, 0],
  P1DIR: [0x22, 0],
  P1IFG: [0x23, 0],
  P1IE: [0x25, 0],
  P1SEL: [0x26, 0],
  P1REN: [0x27, 0],
  P2DIR: [0x2a, 0],
  P2IFG: [0x2b, 0],
  P2IE: [0x2d, 0],
  P2SEL: [0x2e, 0xc0],
  P2REN: [0x2f, 0],
  P1SEL2: [0x41, 0],
  P2SEL2: [0x42, 0],
  P3SEL2: [0x43, 0],
  ADC10DTC0: [0x48, 0],
  ADC10DTC1: [0x49, 0],
  ADC10AE0: [0x4a, 0],
  BCSCTL3: [0x53, 0x05],
  DCOCTL: [0x56, 0x60],
  BCSCTL1: [0x57, 0x87],
  BCSCTL2: [0x58, 0],
  CACTL1: [0x59, 0],
  CACTL2: [0x5a, 0],
  CAPD: [0x5b, 0],
  UCA0ABCTL: [0x5d, 0],
  UCA0IRTCTL: [0x5e, 0],
  UCA0IRRCTL: [0x5f, 0],
  UCA0CTL0: [0x60, 0],
  UCA0CTL1: [0x61, 0x01],
  UCA0BR0: [0x62, 0],
  UCA0BR1: [0x63, 0],
  UCA0MCTL: [0x64, 0],
  UCA0STAT: [0x65, 0],
  UCB0CTL0: [0x68, 0x01],
  UCB0CTL1: [0x69, 0x01],
  UCB0BR0: [0x6a, 0],
  UCB0BR1: [0x6b, 0],
  UCB0I2CIE: [0x6c, 0],
  UCB0STAT: [0x6d, 0],
};

const words: Readonly<Record<string, readonly [number, number]>> = {
  UCB0I2COA: [0x118, 0],
  UCB0I2CSA: [0x11a, 0],
  TA1IV: [0x11e, 0],
  WDTCTL: [0x120, 0x6900],
  FCTL1: [0x128, 0x9600],
  FCTL2: [0x12a, 0x9642],
  // LOCKA, LOCK, WAIT.
  FCTL3: [0x12c, 0x9658],
  TA0IV: [0x12e, 0],
  ...Object.fromEntries(
    [0x160, 0x180].flatMap((base, timer) =>
      ['CTL', 'CCTL0', 'CCTL1', 'CCTL2'].map((name, index) => [`TA${timer}${name}`, [base + 2 * index, 0] as const]),
    ),
  ),
  ...Object.fromEntries(
    [0x170, 0x190].flatMap((base, timer) =>
      ['R', 'CCR0', 'CCR1', 'CCR2'].map((name, index) => [`TA${timer}${name}`, [base + 2 * index, 0] as const]),
    ),
  ),
  ADC10CTL0: [0x1b0, 0],
  ADC10CTL1: [0x1b2, 0],
  ADC10SA: [0x1bc, 0x200],
};

/** P3OUT, P1OUT, P1IES, P2OUT, P2IES. */
const unchanged = [0x19, 0x21, 0x24, 0x29, 0x2c];

/** A chip that was told to power on again after all its registers were written. */
function restarted() {
  const { mcu } = new Board({ alive: false, image: imageFromWords([0x3fff]) });
  for (const address of unchanged) mcu.bus.writeByte(address, 0x81);
  for (const [address] of Object.values(bytes)) mcu.bus.writeByte(address, 0x81);
  for (const [name, [address]] of Object.entries(words)) {
    if (!['WDTCTL', 'FCTL1', 'FCTL2', 'FCTL3'].includes(name)) mcu.bus.writeWord(address, 0x0111);
  }
  mcu.reset('power_on');
  return mcu;
}

it.each(Object.entries(bytes))('%s', (_, [address, value]) => {
  expect(restarted().peek(address)).toBe(value);
});

it.each(Object.entries(words))('%s', (_, [address, value]) => {
  expect(restarted().peekWord(address)).toBe(value);
});

it.each(unchanged)('PxOUT or PxIES at %i is unchanged', (address) => {
  expect(restarted().peek(address)).toBe(0x81);
});
