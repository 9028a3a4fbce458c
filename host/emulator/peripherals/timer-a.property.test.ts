/**
 * The lazy timer against a timer that counts one by one: random modes, periods, compare values, dividers and rewrites,
 * looked at after random numbers of ticks. The seed is in the test's name; EARL_SEED repeats it.
 */

import { describe, expect, it } from 'vitest';
import { imageFromWords } from '../image/words.ts';
import { Mcu } from '../mcu.ts';

const seed = Number(process.env.EARL_SEED ?? Date.now() & 0x7fffffff);

/** xorshift32. */
function generator(start: number): (limit: number) => number {
  let state = start | 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** Timer_A as the manual's text and erratum TA12 read, a count at a time. */
class SteppedTimer {
  mode = 0;
  count = 0;
  down = false;
  taifg = false;
  readonly compare = [0, 0, 0];
  readonly flags = [false, false, false];
  readonly lost = [false, false, false];
  readonly outputModes = [0, 0, 0];
  readonly outputs = [0, 0, 0];

  step(): void {
    const [top] = this.compare as [number];
    if (this.mode === 0 || (this.mode !== 2 && top === 0 && this.count === 0)) return;
    let wrapped = false;
    if (this.mode === 2) {
      this.count = (this.count + 1) & 0xffff;
      wrapped = this.count === 0;
    } else if (this.mode === 1) {
      wrapped = this.count >= top;
      this.count = wrapped ? 0 : this.count + 1;
    } else {
      if (this.count >= top) this.down = true;
      this.count += this.down ? -1 : 1;
      if (this.down && this.count === 0) {
        wrapped = true;
        this.down = false;
      }
      if (!this.down && !wrapped && this.count >= top) this.down = true;
    }
    if (wrapped) this.taifg = true;
    const equal0 = this.mode === 1 ? wrapped : this.count === top;
    for (let index = 0; index < 3; index++) {
      if (equal0 && index > 0) this.act(index, 'xxRRxxSS'[this.outputModes[index]!]!);
      if (this.count !== this.compare[index]) continue;
      if (!this.lost[index]) this.flags[index] = true;
      this.lost[index] = false;
      this.act(index, 'xSTSTRTR'[this.outputModes[index]!]!);
    }
  }

  private act(index: number, action: string): void {
    if (action === 'S') this.outputs[index] = 1;
    else if (action === 'R') this.outputs[index] = 0;
    else if (action === 'T') this.outputs[index]! ^= 1;
  }
}

describe(`Timer_A against single steps, EARL_SEED=${seed}`, () => {
  it.each(Array.from({ length: 20 }, (_, index) => seed + index))('random run %i', (runSeed) => {
    const random = generator(runSeed);
    const mcu = new Mcu({ image: imageFromWords([0x3fff]) });
    const { bus } = mcu;
    bus.writeWord(0x120, 0x5a80);
    mcu.registers[2] = 0x10; // CPUOFF
    // Half of the runs watch the outputs on pins P1.1, P1.2 and P3.0, so that their edges are events.
    if (random(2) === 1) {
      for (const address of [0x22, 0x26]) bus.writeByte(address, 0x06);
      for (const address of [0x1a, 0x1b]) bus.writeByte(address, 0x01);
    }
    const timer = new SteppedTimer();
    const compareValue = () => (random(4) === 0 ? random(0x10000) : random(40));
    const configure = () => {
      const index = random(3);
      const value = compareValue();
      timer.lost[index] = timer.count === timer.compare[index] && value === timer.count + 1;
      timer.compare[index] = value;
      bus.writeWord(0x172 + 2 * index, timer.compare[index]!);
    };
    const setMode = () => {
      timer.mode = 1 + random(3);
      timer.count = 0;
      timer.down = false;
      timer.taifg = false;
      bus.writeWord(0x160, 0x204 | (timer.mode << 4));
    };
    for (let index = 0; index < 3; index++) {
      configure();
      timer.outputModes[index] = random(8);
      bus.writeWord(0x162 + 2 * index, timer.outputModes[index]! << 5);
    }
    setMode();
    for (let look = 0; look < 200; look++) {
      const ticks = random(8) === 0 ? random(3000) : random(30);
      const until = mcu.scheduler.now + ticks;
      // Half of the looks poll a flag on the way, as a program does that waits for it.
      for (let at = mcu.scheduler.now; random(2) === 1 && at < until; at = mcu.scheduler.now) {
        mcu.runUntil(Math.min(until, at + 1 + random(5)));
        bus.readWord(0x162 + 2 * random(3));
      }
      mcu.runUntil(until);
      for (let tick = 0; tick < ticks; tick++) timer.step();
      const seen = {
        count: bus.readWord(0x170),
        taifg: (bus.readWord(0x160) & 1) === 1,
        flags: [0, 1, 2].map((index) => (bus.readWord(0x162 + 2 * index) & 1) === 1),
        outputs: [0, 1, 2].map((index) => mcu.peripherals.timers[0]!.output(index).level),
      };
      const { count, taifg, flags, outputs } = timer;
      expect(seen, `look ${look}, mode ${timer.mode}, compare ${timer.compare}`).toEqual({
        count,
        taifg,
        flags,
        outputs,
      });
      if (random(10) === 0) configure();
      if (random(40) === 0) setMode();
    }
  });
});
