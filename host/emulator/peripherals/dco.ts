/**
 * Frequency of the digitally controlled oscillator (SLAU144 "Digitally Controlled Oscillator", SLAS735 "DCO Frequency").
 *
 * A typical chip: the data sheet's typical value at DCO = 3 for each RSEL (the middle of its range where no typical
 * value is given), 8 % per DCO step, MOD mixing two steps. The four factory-calibrated settings give exactly their
 * nominal frequency, as on a chip fresh from the fab at 25 degrees. Left out: temperature and supply drift, DCOR.
 */

/** Typical frequency in Hz at DCO = 3, MOD = 0, by RSEL. */
const rselHz = [
  120_000, 150_000, 210_000, 300_000, 410_000, 580_000, 800_000, 1_150_000, 1_600_000, 2_300_000, 3_400_000, 4_250_000,
  5_800_000, 7_800_000, 11_250_000, 15_250_000,
] as const;
const stepRatio = 1.08;

export interface DcoCalibration {
  readonly frequencyHz: number;
  readonly dcoctl: number;
  /** XT2OFF and RSEL, as it is written to BCSCTL1. */
  readonly bcsctl1: number;
}

function typicalHz(rsel: number, dcoctl: number): number {
  const dco = dcoctl >> 5;
  const mod = dcoctl & 0x1f;
  const low = rselHz[rsel]! * stepRatio ** (dco - 3);
  // DCO = 7 has no step above: MOD is not usable there.
  if (dco === 7 || mod === 0) return low;
  const high = low * stepRatio;
  return (32 * low * high) / (mod * low + (32 - mod) * high);
}

function calibrate(frequencyHz: number): DcoCalibration {
  let best = { error: Number.POSITIVE_INFINITY, dcoctl: 0, rsel: 0 };
  for (let rsel = 0; rsel < 16; rsel++) {
    for (let dcoctl = 0; dcoctl < 0xe0; dcoctl++) {
      const error = Math.abs(typicalHz(rsel, dcoctl) - frequencyHz);
      if (error < best.error) best = { error, dcoctl, rsel };
    }
  }
  return { frequencyHz, dcoctl: best.dcoctl, bcsctl1: 0x80 | best.rsel };
}

/** What the factory writes to info A: 16, 12, 8 and 1 MHz, in the order of the TLV structure. */
export const dcoCalibrations: readonly DcoCalibration[] = [16_000_000, 12_000_000, 8_000_000, 1_000_000].map(calibrate);

/** DCOCLK in Hz, a whole number, for register values. */
export function dcoFrequencyHz(dcoctl: number, bcsctl1: number): number {
  const rsel = bcsctl1 & 0x0f;
  for (const calibration of dcoCalibrations) {
    if (calibration.dcoctl === dcoctl && (calibration.bcsctl1 & 0x0f) === rsel) return calibration.frequencyHz;
  }
  return Math.round(typicalHz(rsel, dcoctl));
}
