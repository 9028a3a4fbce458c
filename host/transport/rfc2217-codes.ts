/** Numbers of the COM port control option (RFC 2217, section 3). What a server answers is the command plus 100. */

export const comPort = {
  signature: 0,
  baud: 1,
  dataSize: 2,
  parity: 3,
  stopSize: 4,
  control: 5,
  modemState: 7,
  suspend: 8,
  resume: 9,
  lineStateMask: 10,
  modemStateMask: 11,
  purge: 12,
} as const;

export const SERVER = 100;

export const parityCodes = { none: 1, odd: 2, even: 3, mark: 4, space: 5 } as const;
export type Parity = keyof typeof parityCodes;

export function parityName(code: number): Parity | undefined {
  return (Object.keys(parityCodes) as Parity[]).find((name) => parityCodes[name] === code);
}

/** Values of the control command. */
export const control = {
  flowRequest: 0,
  flowNone: 1,
  breakRequest: 4,
  breakOn: 5,
  breakOff: 6,
  dtrRequest: 7,
  dtrOn: 8,
  dtrOff: 9,
  rtsRequest: 10,
  rtsOn: 11,
  rtsOff: 12,
  inboundFlowRequest: 13,
  inboundFlowNone: 14,
} as const;

export const purge = { received: 1, waiting: 2, both: 3 } as const;
