/**
 * Supply currents of the MSP430G2553, for energy estimates: typical and maximum at 25 degrees.
 *
 * SLAS735 "Active Mode Supply Current", "Low-Power Mode Supply Currents", "10-Bit ADC, Power Supply and Input Range
 * Conditions", "Flash Memory". It gives active mode at 2.2 V and 3 V and 1 MHz only, low-power modes at 2.2 V and 1 MHz
 * only. What follows from elsewhere:
 *  - Active mode is taken as proportional to MCLK, as TI's older data sheets state; above 1 MHz that is a little much.
 *  - LPM0 and LPM2 above 2.2 V, and LPM0 above 1 MHz, grow as the MSP430F2619's (SLAS541), scaled to this chip; a
 *    LaunchPad that somebody measured (434, 85, 85 and 28 uA in active mode, LPM0, 1 and 2 at 3.6 V and about 1 MHz)
 *    lies within a tenth of these.
 *  - LPM1 is as LPM0. LPM3 while a peripheral keeps SMCLK alive is as LPM0.
 * Timers, USCI, watchdog and ports have no current of their own in the data sheet: they are in the modes' figures.
 */

/** Microamperes. */
export interface Current {
  readonly typical: number;
  readonly maximum: number;
}

/** How a low-power mode is clocked. */
export interface ModeConditions {
  readonly supplyVolts: number;
  readonly mclkHz: number;
  readonly dcoHz: number;
  /** ACLK comes from a crystal, not from the VLO. */
  readonly crystal: boolean;
}

export const powerModes = ['active', 'LPM0', 'LPM1', 'LPM2', 'LPM3', 'LPM3 with SMCLK', 'LPM4'] as const;
export type PowerMode = (typeof powerModes)[number];

/** Where the data sheet gives no maximum. */
const UNKNOWN_SPREAD = 1.5;

export function modeCurrent(mode: PowerMode, conditions: ModeConditions): Current {
  const { supplyVolts, crystal } = conditions;
  const above = supplyVolts - 2.2;
  switch (mode) {
    case 'active': {
      const typical = (230 + 125 * above) * (conditions.mclkHz / 1e6);
      return { typical, maximum: typical * (420 / 330) };
    }
    case 'LPM0':
    case 'LPM1':
    case 'LPM3 with SMCLK': {
      const typical = Math.max(0, 56 + 19.6 * above + (34 + 22 * above) * (conditions.dcoHz / 1e6 - 1));
      return { typical, maximum: typical * UNKNOWN_SPREAD };
    }
    case 'LPM2': {
      const typical = 22 + 2.5 * above;
      return { typical, maximum: typical * UNKNOWN_SPREAD };
    }
    case 'LPM3':
      return crystal ? { typical: 0.7, maximum: 1.5 } : { typical: 0.5, maximum: 0.7 };
    case 'LPM4':
      return { typical: 0.1, maximum: 0.5 };
  }
}

/** On top of the mode's current. */
export const partCurrents = {
  /** ADC10ON, fADC10CLK = 5 MHz: the core is on during sampling and conversion only (SLAU144 "ADC10 Operation"). */
  'ADC10 core': { typical: 600, maximum: 1200 },
  /** REFON. */
  'ADC10 reference': { typical: 250, maximum: 400 },
  /** Reference buffer during a conversion against the internal reference: ADC10SR clear. */
  'ADC10 reference buffer': { typical: 1100, maximum: 1400 },
  /** The same with ADC10SR set, for at most 50 ksps. */
  'ADC10 reference buffer, ADC10SR': { typical: 500, maximum: 700 },
  /** Average while it programs; erasing has the same typical value and a maximum of 7 mA. */
  'flash controller': { typical: 1000, maximum: 7000 },
} as const satisfies Record<string, Current>;

export type PowerPart = keyof typeof partCurrents;
