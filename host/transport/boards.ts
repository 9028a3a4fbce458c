/**
 * USB devices that a probe is likely to be behind, by vendor and product id (usb.ids and the vendors' drivers). Used to
 * tell a LaunchPad from a modem; a device that is not listed is shown, but never chosen by itself.
 */

export interface KnownBoard {
  readonly vendorId: string;
  readonly productId: string;
  readonly name: string;
  /** Highest rate that its USB side passes; absent when it is far above what a probe can do. */
  readonly maxBaud?: number;
}

export const knownBoards: readonly KnownBoard[] = [
  // SLAU318: the application UART of the on-board emulator is limited to 9600 baud.
  { vendorId: '0451', productId: 'f432', name: 'MSP-EXP430G2 LaunchPad', maxBaud: 9600 },
  { vendorId: '2047', productId: '0013', name: 'LaunchPad with eZ-FET, e.g. MSP-EXP430G2ET' },
  { vendorId: '0403', productId: '6001', name: 'FTDI FT232R adapter' },
  { vendorId: '0403', productId: '6015', name: 'FTDI FT231X adapter' },
  { vendorId: '10c4', productId: 'ea60', name: 'Silicon Labs CP210x adapter' },
  { vendorId: '1a86', productId: '7523', name: 'WCH CH340 adapter' },
  { vendorId: '067b', productId: '2303', name: 'Prolific PL2303 adapter' },
];

/** @param vendorId four hex digits in either case, absent for a port that is not on USB */
export function knownBoard(vendorId: string | undefined, productId: string | undefined): KnownBoard | undefined {
  const [vendor, product] = [vendorId?.toLowerCase(), productId?.toLowerCase()];
  return knownBoards.find((board) => board.vendorId === vendor && board.productId === product);
}
