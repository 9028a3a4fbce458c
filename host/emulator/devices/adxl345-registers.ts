/** Register addresses and bits of the ADXL345 (Analog Devices ADXL345 data sheet, "Register Map"). Constants only. */

export const ADXL345_ADDRESS = 0x53;
export const ADXL345_DEVID = 0xe5;

export const adxl345Registers = {
  DEVID: 0x00,
  THRESH_TAP: 0x1d,
  OFSX: 0x1e,
  OFSY: 0x1f,
  OFSZ: 0x20,
  DUR: 0x21,
  LATENT: 0x22,
  WINDOW: 0x23,
  THRESH_ACT: 0x24,
  THRESH_INACT: 0x25,
  TIME_INACT: 0x26,
  ACT_INACT_CTL: 0x27,
  THRESH_FF: 0x28,
  TIME_FF: 0x29,
  TAP_AXES: 0x2a,
  ACT_TAP_STATUS: 0x2b,
  BW_RATE: 0x2c,
  POWER_CTL: 0x2d,
  INT_ENABLE: 0x2e,
  INT_MAP: 0x2f,
  INT_SOURCE: 0x30,
  DATA_FORMAT: 0x31,
  DATAX0: 0x32,
  DATAZ1: 0x37,
  FIFO_CTL: 0x38,
  FIFO_STATUS: 0x39,
} as const;

export const ADXL345_REGISTER_COUNT = 0x3a;

/** Bits of INT_ENABLE, INT_MAP and INT_SOURCE. */
export const adxl345Interrupts = {
  DATA_READY: 0x80,
  ACTIVITY: 0x10,
  INACTIVITY: 0x08,
  FREE_FALL: 0x04,
  WATERMARK: 0x02,
  OVERRUN: 0x01,
} as const;

/** Bits of POWER_CTL. */
export const adxl345Power = { LINK: 0x20, AUTO_SLEEP: 0x10, MEASURE: 0x08, SLEEP: 0x04, WAKEUP: 0x03 } as const;

/** Bits of DATA_FORMAT. */
export const adxl345Format = {
  SELF_TEST: 0x80,
  INT_INVERT: 0x20,
  FULL_RES: 0x08,
  JUSTIFY: 0x04,
  RANGE: 0x03,
} as const;

/** FIFO_CTL bits 7-6. */
export const adxl345Fifo = { BYPASS: 0, FIFO: 1, STREAM: 2, TRIGGER: 3, DEPTH: 32 } as const;
