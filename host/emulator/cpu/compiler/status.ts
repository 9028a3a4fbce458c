/**
 * The arithmetic status bits between two instructions, as expressions that are computed only where somebody asks.
 *
 * Three values stand for the four bits: `zn` is 0 for Z and negative for N, bit 16 of `c` is C, bit 15 of `v` is V. Z and N
 * are never both set by arithmetic; a program that writes such an SR is interpreted until the next arithmetic.
 */

export interface Status {
  readonly zn: string;
  readonly c: string;
  readonly v: string;
  /** Shorter ways to ask, when the last instruction that set the bits offers them. */
  readonly isZero?: string;
  readonly isCarry?: string;
  readonly isGreaterOrEqual?: string;
}

/** In variables of these names. */
export const inVariables: Status = { zn: 'zn', c: 'cs', v: 'vs' };

export const carryBit = ({ c }: Status): string => `((${c}) >>> 16 & 1)`;

/** What a jump condition (0 JNE … 7 JMP) asks. */
export function conditionOf(condition: number, status: Status): string {
  const isZero = status.isZero ?? `(${status.zn}) === 0`;
  const isCarry = status.isCarry ?? `((${status.c}) & 65536) !== 0`;
  const isGreaterOrEqual = status.isGreaterOrEqual ?? `((((${status.zn}) >>> 16) ^ (${status.v})) & 32768) === 0`;
  switch (condition) {
    case 0:
      return `!(${isZero})`;
    case 1:
      return isZero;
    case 2:
      return `!(${isCarry})`;
    case 3:
      return isCarry;
    case 4:
      return `(${status.zn}) < 0`;
    case 5:
      return isGreaterOrEqual;
    default:
      return `!(${isGreaterOrEqual})`;
  }
}

/** SR as a word. `sr` holds its other bits. */
export function statusWord({ zn, c, v }: Status): string {
  return `(sr | ${carryBit({ zn, c, v })} | ((${zn}) === 0 ? 2 : (${zn}) < 0 ? 4 : 0) | ((${v}) >>> 7 & 256))`;
}

/** Assignments of the variables in a mask (1 zn, 2 c, 4 v) that do not hold their value yet. */
export function assignments(status: Status, mask: number): string {
  const parts: string[] = [];
  if ((mask & 1) !== 0 && status.zn !== inVariables.zn) parts.push(`zn = ${status.zn};`);
  if ((mask & 2) !== 0 && status.c !== inVariables.c) parts.push(`cs = ${status.c};`);
  if ((mask & 4) !== 0 && status.v !== inVariables.v) parts.push(`vs = ${status.v};`);
  return parts.join(' ');
}
