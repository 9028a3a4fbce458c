/** `emu:NAME`: programs an emulated board in this process by its debug door, as a debugger would. For tests. */

import { EarlError } from '../../errors/index.ts';
import { emulatedTransport } from '../transport/emulated.ts';
import { type FlashPlan, flashStart, infoStart, plannedInfo } from './plan.ts';
import type { FlashResult, FlashRunner } from './runner.ts';

/** What is needed of a chip: a Mcu has this shape. */
export interface DebugDoor {
  peek(address: number): number;
  poke(address: number, data: Uint8Array): void;
  reset(kind: 'power_on'): void;
}

/** @param url e.g. `emu:ball` */
export function emulatedRunner(url: string): FlashRunner {
  return {
    name: url,
    flash: async (plan, listener) => {
      const transport = emulatedTransport(url);
      try {
        const { mcu } = await transport.powerOn();
        const result = programByDebugDoor(mcu, plan);
        for (const stage of ['erase', 'write', 'verify'] as const) {
          listener.onProgress(stage, plan.flash.length, plan.flash.length);
        }
        listener.onNotice(
          'this board lives in this process only: use earl emulate --rfc2217 and bsl: for one that stays',
        );
        return result;
      } finally {
        await transport.dispose();
      }
    },
  };
}

/** Throws `FLASH_VERIFY`. */
export function programByDebugDoor(chip: DebugDoor, plan: FlashPlan): FlashResult {
  const info = plannedInfo(
    plan,
    Uint8Array.from({ length: 256 }, (_, index) => chip.peek(infoStart + index)),
  );
  const parts = [
    { address: infoStart, data: info },
    { address: flashStart, data: plan.flash },
  ];
  for (const { address, data } of parts) chip.poke(address, data);
  for (const { address, data } of parts) {
    const wrong = data.findIndex((byte, index) => chip.peek(address + index) !== byte);
    if (wrong >= 0) throw new EarlError('FLASH_VERIFY', `verification failed at 0x${(address + wrong).toString(16)}`);
  }
  chip.reset('power_on');
  return { bytes: plan.bytes, target: 'emulated MSP430G2553' };
}
