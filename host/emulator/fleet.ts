/**
 * Many light probes on one thread, stepped by their next event: who sleeps is not looked at until then.
 *
 * Probes do not know of each other, so their order within a turn is of no matter. They share the program's flash, its
 * decoded instructions and its compiled code; each has its own seed, VLO, RAM and id. No clock of the wall: whoever paces
 * them says how far to run.
 */

import { FlashContents } from './flash-contents.ts';
import { FleetProbe } from './fleet-probe.ts';
import type { Image } from './image/image.ts';

export interface FleetOptions {
  readonly image: Image;
  readonly count: number;
  /** Seed of the first probe; the others count on. Default 1. */
  readonly seed?: number;
  /** The probes are switched on one after another, evenly over this time; else all at once. */
  readonly powerOnSeconds?: number;
  /** Contents of info segment D of a probe, where its id stands. */
  readonly infoOf?: (seed: number) => Uint8Array;
  /** Called for each byte that a probe sends. */
  readonly onByte?: (probe: number, byte: number) => void;
}

export class Fleet {
  /** Fleet time in seconds. */
  seconds = 0;
  /** Bytes that left all pins. */
  bytes = 0;

  private readonly probes: readonly FleetProbe[];
  /** When each probe has something to do, in fleet time. */
  private readonly due: Float64Array;
  private readonly powerOnInterval: number;

  constructor({ image, count, seed = 1, powerOnSeconds = 0, infoOf, onByte }: FleetOptions) {
    const flash = FlashContents.of(image);
    this.powerOnInterval = powerOnSeconds / count;
    this.due = Float64Array.from({ length: count }, (_, index) => index * this.powerOnInterval);
    this.probes = Array.from({ length: count }, (_, index) => {
      const D = infoOf?.(seed + index);
      const listener = (byte: number) => {
        this.bytes++;
        onByte?.(index, byte);
      };
      return new FleetProbe({ image, flash, seed: seed + index, ...(D && { info: { D } }), onByte: listener });
    });
  }

  /** Runs every probe that has something to do up to a time. */
  runUntil(seconds: number): void {
    const { probes, due, powerOnInterval } = this;
    for (let index = 0; index < due.length; index++) {
      if (due[index]! > seconds) continue;
      const probe = probes[index]!;
      const powerOn = index * powerOnInterval;
      probe.runUntil(seconds - powerOn);
      due[index] = probe.nextSeconds + powerOn;
    }
    this.seconds = seconds;
  }

  /** Instructions that all probes executed. */
  get instructions(): number {
    return this.probes.reduce((sum, { mcu }) => sum + mcu.instructions, 0);
  }
}
