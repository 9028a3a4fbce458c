/** Every check of `earl doctor`, in the order in which they are shown. */

import type { Check } from '../check.ts';
import { bluetoothChecks } from './bluetooth.ts';
import { emulationChecks } from './emulation.ts';
import { programChecks } from './programs.ts';
import { usbChecks } from './usb.ts';

export const checks: readonly Check[] = [...emulationChecks, ...usbChecks, ...programChecks, ...bluetoothChecks];
