/**
 * Timer_A3 (SLAU144 "Timer_A"): one counter, three capture/compare blocks, output units.
 *
 * The counter is not stepped: its position is computed from its clock's ticks when somebody asks, and an event is
 * scheduled only for a moment that somebody can notice: an enabled interrupt, a watched output, a capture on ACLK.
 * A compare value that is written takes effect at once (no double buffering on this timer). Counter and output units are
 * files of their own; compare and capture stay together here, because they share registers, flags and the one event.
 * Left out: the asynchronous (SCS = 0) capture race and the extra count when TACCR0 is lowered below TAR.
 */

import type { RegisterBus } from '../bus.ts';
import type { ClockDomain } from '../clock-domain.ts';
import type { InterruptLines } from '../interrupts.ts';
import type { ScheduledEvent, Scheduler } from '../scheduler.ts';
import type { Pin, PinFunction } from './pin.ts';
import { TimerCounter, timerMode } from './timer-a-counter.ts';
import { OutputUnit } from './timer-a-output.ts';

const TAIFG = 0x0001;
const TAIE = 0x0002;
const TACLR = 0x0004;
const CCIFG = 0x0001;
const COV = 0x0002;
const OUT = 0x0004;
const CCI = 0x0008;
const CCIE = 0x0010;
const CAP = 0x0100;
const SCCI = 0x0400;

/** PxSEL = 1, PxSEL2 = 0 connects a pin with the timer. */
const timerFunction = 1;

/** What a capture/compare input is connected to. */
export type CaptureInput =
  | { readonly pin: Pin }
  | { readonly clock: ClockDomain }
  | { readonly signal: CaptureSignal }
  | undefined;

/** A level made inside the chip. */
export interface CaptureSignal {
  readonly level: 0 | 1;
  onChange(listener: (level: 0 | 1) => void): void;
}

export interface TimerAOptions {
  /** Register addresses: TAxCTL; TAxIV. The others follow TAxCTL as on the chip. */
  readonly control: number;
  readonly interruptVectorRegister: number;
  /** Vectors for TACCR0 and for the rest. */
  readonly vector0: number;
  readonly vector1: number;
  /** Pin of TACLK, and of INCLK unless that has a line; it counts only while PxSEL selects it. */
  readonly clockPin: Pin;
  /** INCLK: the pin oscillator. Undefined: the pin, inverted. */
  readonly inclk?: ClockDomain;
  /** Inputs CCIxA and CCIxB of the three blocks. */
  readonly inputs: readonly (readonly [CaptureInput, CaptureInput])[];
  /** Pins that the outputs can reach, a list a block. */
  readonly outputs: readonly (readonly PinFunction[])[];
}

interface Block {
  control: number;
  compare: number;
  /** COV-relevant: the captured value was not read yet. */
  captured: boolean;
  readonly output: OutputUnit;
  captureEvent: ScheduledEvent | undefined;
  inputLevel: 0 | 1;
}

export class TimerA {
  private readonly scheduler: Scheduler;
  private readonly interrupts: InterruptLines;
  private readonly options: TimerAOptions;
  private readonly smclk: ClockDomain;
  private readonly aclk: ClockDomain;
  private readonly blocks: readonly Block[];
  private control = 0;
  private readonly counter = new TimerCounter();
  /** The input divider's state: source ticks since the last count. */
  private dividerPhase = 0;
  private lastTick = 0;
  /** Edges of TACLK seen so far. */
  private pinTicks = 0;
  private event: ScheduledEvent | undefined;

  constructor(
    scheduler: Scheduler,
    bus: RegisterBus,
    interrupts: InterruptLines,
    clocks: { readonly smclk: ClockDomain; readonly aclk: ClockDomain },
    options: TimerAOptions,
  ) {
    this.scheduler = scheduler;
    this.interrupts = interrupts;
    this.options = options;
    this.smclk = clocks.smclk;
    this.aclk = clocks.aclk;
    this.blocks = [0, 1, 2].map((index) => ({
      control: 0,
      compare: 0,
      captured: false,
      output: new OutputUnit(options.outputs[index] ?? []),
      captureEvent: undefined,
      inputLevel: 0 as const,
    }));
    this.mapRegisters(bus);
    this.connect();
  }

  /** The output unit of a block: its level, and changes of it (for ADC10 triggers). */
  output(block: number): OutputUnit {
    return this.blocks[block]!.output;
  }

  /** To be called when somebody began or ceased to watch an output. */
  outputWatchChanged(): void {
    this.sync();
    this.plan();
  }

  reset(por: boolean): void {
    if (!por) return;
    this.sync();
    this.control = 0;
    this.counter.clear();
    this.counter.setMode(timerMode.stop);
    this.dividerPhase = 0;
    for (const block of this.blocks) {
      block.control = 0;
      block.compare = 0;
      block.captured = false;
      block.output.configure(0, 0);
      this.scheduler.cancel(block.captureEvent);
      block.captureEvent = undefined;
    }
    this.update();
  }

  private mapRegisters(bus: RegisterBus): void {
    const { control, interruptVectorRegister } = this.options;
    bus.mapWord(control, {
      read: () => this.readControl(),
      write: (value) => this.writeControl(value),
    });
    bus.mapWord(control + 0x10, {
      read: () => this.readCount(),
      write: (value) => {
        this.sync();
        this.counter.count = value;
        this.update();
      },
    });
    bus.mapWord(interruptVectorRegister, {
      read: () => this.takeVector(),
      write: () => {
        this.takeVector();
      },
      peek: () => this.highestVector(),
    });
    this.blocks.forEach((_, index) => {
      bus.mapWord(control + 2 + 2 * index, {
        read: () => this.readBlockControl(index),
        write: (value) => this.writeBlockControl(index, value),
      });
      bus.mapWord(control + 0x12 + 2 * index, {
        read: () => this.readCompare(index),
        write: (value) => this.writeCompare(index, value),
        peek: () => this.blocks[index]!.compare,
      });
    });
  }

  private connect(): void {
    const { options } = this;
    const clockChanged = () => {
      this.sync();
      this.plan();
    };
    this.smclk.onChange(clockChanged);
    this.aclk.onChange(clockChanged);
    options.inclk?.onChange(clockChanged);
    options.clockPin.onChange((level) => {
      if (options.clockPin.selected !== timerFunction) return;
      // INCLK is TACLK inverted.
      if (this.source === undefined && level === ((this.control & 0x300) === 0 ? 1 : 0)) {
        this.sync();
        this.pinTicks++;
        this.sync();
        this.plan();
      }
    });
    options.inputs.forEach((inputs, index) => {
      inputs.forEach((input, select) => {
        if (input === undefined) return;
        if ('pin' in input) {
          input.pin.onChange((level) => {
            const seen = input.pin.selected === timerFunction && this.inputSelect(index) === select;
            if (seen) this.inputChanged(index, level);
          });
          // What happened to the pin while it was not the timer's shows when it becomes the timer's.
          input.pin.attach(timerFunction, 'port').onSelect((selected) => {
            if (selected && this.inputSelect(index) === select) this.inputChanged(index, input.pin.level);
          });
        } else if ('signal' in input) {
          input.signal.onChange((level) => {
            if (this.inputSelect(index) === select) this.inputChanged(index, level);
          });
        } else {
          input.clock.onChange(() => this.planCapture(index));
        }
      });
    });
    options.outputs.forEach((pins) => {
      for (const pin of pins) pin.onSelect(() => this.outputWatchChanged());
    });
  }

  // --- counting

  /** The line that is counted; undefined: edges of the pin. */
  private get source(): ClockDomain | undefined {
    switch ((this.control >> 8) & 3) {
      case 0:
        return undefined;
      case 1:
        return this.aclk;
      case 2:
        return this.smclk;
      default:
        return this.options.inclk;
    }
  }

  /** TACCR0. */
  private get top(): number {
    return this.blocks[0]!.compare;
  }

  private get divider(): number {
    return 1 << ((this.control >> 6) & 3);
  }

  private sourceTicks(): number {
    return this.source?.ticks() ?? this.pinTicks;
  }

  /** Brings counter, flags and outputs up to now. */
  private sync(): void {
    const tick = this.sourceTicks();
    const elapsed = tick - this.lastTick;
    if (elapsed === 0) return;
    this.lastTick = tick;
    if (this.counter.mode === timerMode.stop) return;
    const total = this.dividerPhase + elapsed;
    const counts = Math.floor(total / this.divider);
    this.dividerPhase = total - counts * this.divider;
    if (counts > 0) this.advance(counts);
  }

  private advance(counts: number): void {
    const { counter } = this;
    let left = counts;
    while (left > 0) {
      // Whole periods all look alike: two of them set every flag and keep a toggling output's parity.
      const period = 2 * counter.period(this.top);
      if (left > 3 * period && counter.periodic(this.top)) left = (left % period) + 2 * period;
      const distance = this.distanceToEvent();
      if (distance === Number.POSITIVE_INFINITY) return;
      const step = Math.min(left, distance);
      this.reached(counter.move(step, this.top));
      left -= step;
    }
  }

  /** Counts until TAR next changes something: reaches a compare value, the top, or zero. */
  private distanceToEvent(): number {
    let nearest = this.distanceTo(0);
    for (const block of this.blocks) nearest = Math.min(nearest, this.distanceTo(block.compare));
    return nearest;
  }

  private distanceTo(value: number): number {
    return this.counter.distanceTo(value, this.top);
  }

  private reached(wrapped: boolean): void {
    const { blocks, top } = this;
    const { count, mode } = this.counter;
    if (wrapped) this.control |= TAIFG;
    // In up mode the outputs see EQ0 when the counter rolls over, in the other modes when it reaches TACCR0.
    const equal0 = mode === timerMode.up ? wrapped : count === top;
    if (equal0) for (let index = 1; index < 3; index++) blocks[index]!.output.equal0();
    for (const block of blocks) {
      if ((block.control & CAP) !== 0 || count !== block.compare) continue;
      block.control |= CCIFG;
      block.control = block.inputLevel === 1 ? block.control | SCCI : block.control & ~SCCI;
      block.output.equal();
    }
  }

  // --- planning

  /** After a register changed: flags to lines, outputs, next event. */
  private update(): void {
    this.request();
    this.plan();
  }

  private request(): void {
    const [first, ...others] = this.blocks;
    const both = CCIE | CCIFG;
    this.interrupts.set(this.options.vector0, (first!.control & both) === both);
    const overflow = (this.control & (TAIE | TAIFG)) === (TAIE | TAIFG);
    this.interrupts.set(this.options.vector1, overflow || others.some((block) => (block.control & both) === both));
  }

  private plan(): void {
    const { scheduler } = this;
    scheduler.cancel(this.event);
    this.event = undefined;
    const source = this.source;
    if (source === undefined || !this.counter.counting(this.top)) return;
    const counts = this.countsToInterest();
    if (counts === Number.POSITIVE_INFINITY) return;
    const ticks = counts * this.divider - this.dividerPhase;
    const at = source.timeOfTick(this.lastTick + ticks);
    if (at === Number.POSITIVE_INFINITY) return;
    this.event = scheduler.schedule(at, () => {
      this.event = undefined;
      this.sync();
      this.update();
    });
  }

  private countsToInterest(): number {
    let nearest = Number.POSITIVE_INFINITY;
    const consider = (value: number) => {
      nearest = Math.min(nearest, this.distanceTo(value));
    };
    if ((this.control & (TAIE | TAIFG)) === TAIE) consider(0);
    this.blocks.forEach((block, index) => {
      if ((block.control & (CAP | CCIE | CCIFG)) === CCIE) consider(block.compare);
      if (!block.output.watched) return;
      if ((block.control & CAP) === 0 && block.output.usesEqual) consider(block.compare);
      if (index > 0 && block.output.usesEqual0) consider(this.counter.mode === timerMode.up ? 0 : this.top);
    });
    return nearest;
  }

  // --- registers

  private readControl(): number {
    this.sync();
    this.request();
    return this.control;
  }

  private readCount(): number {
    this.sync();
    this.request();
    return this.counter.count;
  }

  private writeControl(value: number): void {
    this.sync();
    const changedSource = ((this.control ^ value) & 0x300) !== 0;
    this.control = value & 0x3f7 & ~TACLR;
    if ((value & TACLR) !== 0) {
      this.counter.clear();
      this.dividerPhase = 0;
    }
    this.counter.setMode((value >> 4) & 3);
    if (this.dividerPhase >= this.divider) this.dividerPhase = 0;
    if (changedSource) this.lastTick = this.sourceTicks();
    this.update();
  }

  private highestVector(): number {
    const both = CCIE | CCIFG;
    if ((this.blocks[1]!.control & both) === both) return 2;
    if ((this.blocks[2]!.control & both) === both) return 4;
    return (this.control & (TAIE | TAIFG)) === (TAIE | TAIFG) ? 0x0a : 0;
  }

  /** TAIV: any access resets the highest pending flag. */
  private takeVector(): number {
    this.sync();
    const vector = this.highestVector();
    if (vector === 2) this.blocks[1]!.control &= ~CCIFG;
    else if (vector === 4) this.blocks[2]!.control &= ~CCIFG;
    else if (vector === 0x0a) this.control &= ~TAIFG;
    this.update();
    return vector;
  }

  /** The CPU accepted the vector of TACCR0: its flag resets itself. */
  accepted0(): void {
    this.sync();
    this.blocks[0]!.control &= ~CCIFG;
    this.update();
  }

  private readBlockControl(index: number): number {
    this.sync();
    this.request();
    const block = this.blocks[index]!;
    this.refreshInput(index);
    return (block.control & ~CCI) | (block.inputLevel === 1 ? CCI : 0);
  }

  private writeBlockControl(index: number, value: number): void {
    this.sync();
    const block = this.blocks[index]!;
    const before = block.control;
    block.control = (value & ~(CCI | SCCI)) | (before & SCCI);
    block.output.configure((value >> 5) & 7, (value & OUT) !== 0 ? 1 : 0);
    if (((before ^ value) & 0x3000) !== 0) {
      // Software may capture by switching the input between GND and Vcc.
      const level = this.currentInput(index);
      if ((before & CAP) !== 0 && (value & CAP) !== 0) this.inputChanged(index, level);
      else block.inputLevel = level;
    }
    this.planCapture(index);
    this.update();
  }

  private readCompare(index: number): number {
    this.sync();
    this.request();
    const block = this.blocks[index]!;
    block.captured = false;
    return block.compare;
  }

  private writeCompare(index: number, value: number): void {
    this.sync();
    // In capture mode too: a receiver sets the time of its first sample before it turns to compare mode.
    this.blocks[index]!.compare = value;
    this.update();
  }

  // --- capture

  private inputSelect(index: number): number {
    return (this.blocks[index]!.control >> 12) & 3;
  }

  private currentInput(index: number): 0 | 1 {
    const select = this.inputSelect(index);
    if (select >= 2) return select === 3 ? 1 : 0;
    const input = this.options.inputs[index]?.[select];
    if (input === undefined) return 0;
    if ('signal' in input) return input.signal.level;
    // A pin that belongs to another function leaves its last level to the timer.
    const seen = 'pin' in input && input.pin.selected === timerFunction;
    return seen ? input.pin.level : this.blocks[index]!.inputLevel;
  }

  private refreshInput(index: number): void {
    this.blocks[index]!.inputLevel = this.currentInput(index);
  }

  private inputChanged(index: number, level: 0 | 1): void {
    const block = this.blocks[index]!;
    if (level === block.inputLevel) return;
    block.inputLevel = level;
    const edges = (block.control >> 14) & 3;
    if ((block.control & CAP) === 0 || ((edges >> (level === 1 ? 0 : 1)) & 1) === 0) return;
    this.capture(index);
  }

  private capture(index: number): void {
    this.sync();
    const block = this.blocks[index]!;
    if (block.captured) block.control |= COV;
    block.compare = this.counter.count;
    block.captured = true;
    block.control |= CCIFG;
    block.output.equal();
    this.update();
  }

  /** Captures on a clock line: an event for each edge that counts. Falling edges lie halfway between rising ones. */
  private planCapture(index: number): void {
    const block = this.blocks[index]!;
    this.scheduler.cancel(block.captureEvent);
    block.captureEvent = undefined;
    const edges = (block.control >> 14) & 3;
    const input = this.options.inputs[index]?.[this.inputSelect(index)];
    if ((block.control & CAP) === 0 || edges === 0 || input === undefined || !('clock' in input)) return;
    this.scheduleClockEdge(index, input.clock, edges);
  }

  private scheduleClockEdge(index: number, clock: ClockDomain, edges: number): void {
    const tick = clock.ticks();
    const rising = clock.timeOfTick(tick + 1);
    if (rising === Number.POSITIVE_INFINITY) return;
    const falling = Math.floor((clock.timeOfTick(tick) + rising) / 2);
    const useFalling = (edges & 2) !== 0 && (falling > this.scheduler.now || (edges & 1) === 0);
    let at = rising;
    if (useFalling) {
      at = falling > this.scheduler.now ? falling : Math.floor((rising + clock.timeOfTick(tick + 2)) / 2);
    }
    const block = this.blocks[index]!;
    block.captureEvent = this.scheduler.schedule(at, () => {
      block.inputLevel = useFalling ? 0 : 1;
      this.capture(index);
      this.planCapture(index);
    });
  }
}
