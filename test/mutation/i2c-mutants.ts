/**
 * Ten ways to break hal/i2c.c, each one that somebody could write by mistake.
 *
 * An anchor is a short expression that must match exactly once, loose where names may change; when the driver was
 * rewritten so that one no longer does, the script says which, and it is time to think of that mutant again.
 */

export interface Mutant {
  readonly name: string;
  /** Path in firmware/. */
  readonly file: string;
  /** Program of firmware/test that ought to notice. */
  readonly test: string;
  readonly anchor: RegExp;
  readonly replacement: string;
}

const driver: readonly Pick<Mutant, 'name' | 'anchor' | 'replacement'>[] = [
  {
    name: 'STOP of a read is asked for one byte late',
    anchor: /in_left == 2\b/,
    replacement: 'in_left == 1',
  },
  {
    name: 'a refused address is left without STOP',
    anchor: /(status == PENDING\)\s*)UCB0CTL1 \|= UCTXSTP;/,
    replacement: '$1(void)0;',
  },
  {
    name: 'a read of one byte never asks for STOP',
    anchor: /(if \(running\(\)\)\s*)UCB0CTL1 \|= UCTXSTP;/,
    replacement: '$1(void)0;',
  },
  {
    name: 'recovery gives three clocks, not nine',
    anchor: /pulses = 9\b/,
    replacement: 'pulses = 3',
  },
  {
    name: 'recovery ends without STOP',
    anchor: /\bpull\(BOARD_SDA\);/,
    replacement: '(void)0;',
  },
  {
    name: 'a timeout does not free the bus',
    anchor: /(status == STATUS_TIMEOUT\)\s*)\(void\)i2c_recover\(\);/,
    replacement: '$1(void)0;',
  },
  {
    name: 'a refusal is reported as success',
    anchor: /finish\(STATUS_NACK\)/,
    replacement: 'finish(STATUS_OK)',
  },
  {
    name: 'USCI is not set up anew after a lost arbitration',
    anchor: /status == STATUS_ARBITRATION\) \{/,
    replacement: 'status == STATUS_ARBITRATION && 0) {',
  },
  {
    name: 'the timeout is never armed',
    anchor: /TA0CCTL2 = CCIE;/,
    replacement: 'TA0CCTL2 = 0;',
  },
  {
    name: 'failed transfers are not counted',
    anchor: /transfer\.errors\+\+;/,
    replacement: '(void)0;',
  },
];

export const i2cMutants: readonly Mutant[] = driver.map((mutant) => ({
  ...mutant,
  file: 'hal/i2c.c',
  test: 'i2c_test',
}));
