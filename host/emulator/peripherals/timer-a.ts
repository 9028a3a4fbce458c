/**
 * Timer_A3 (SLAU144 "Timer_A"): one counter, three capture/compare blocks, output units.
 *
 * The counter is not stepped: its position is computed from its clock's ticks when somebody asks, and an event is
 * scheduled only for a moment that somebody can notice: an enabled interrupt, a watched output, a capture on ACLK.
 * A compare value that is written takes effect at once (no double buffering on this timer). Counter and output units are
 * files of their own; compare and capture stay together here, because they share registers, flags and the one event.
 * Left out: the asynchronous (SCS = 0) capture race and the extra count when TACCR0 is lowered below TAR.
 *
 * Errata that a program sees are here: TA12, TA16, TA21 (docs/emulator-accuracy.md names the sheets they were read from).
 */

import type { RegisterBus, RegisterOwner } from '../bus.ts';
import type { ClockUser, FollowedClock } from '../clock-domain.ts';
import { ClockLine } from '../clock-line.ts';
import type { InterruptLines, InterruptSource } from '../interrupts.ts';
import { Alarm, type AlarmOwner, type Scheduler } from '../scheduler.ts';
import { type FunctionUser, type Level, Pin, type PinFunction, type PinUser } from './pin.ts';
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
export type CaptureInput = Pin | ClockLine | CaptureSignal | undefined;

/** A level made inside the chip. */
export interface CaptureSignal {
  readonly level: Level;
  onChange(listener: (level: Level) => void): void;
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
  readonly inclk?: FollowedClock;
  /** Inputs CCIxA and CCIxB of the three blocks. */
  readonly inputs: readonly (readonly [CaptureInput, CaptureInput])[];
  /** Pins that the outputs can reach, a list a block. */
  readonly outputs: readonly (readonly PinFunction[])[];
}

/** A capture/compare block. */
class Block {
  control = 0;
  compare = 0;
  /** COV-relevant: the captured value was not read yet. */
  captured = false;
  inputLevel: Level = 0;
  /** Erratum TA12: the next compare sets no flag, because TAR was at the value before when it was incremented. */
  compareLost = false;
  /** The next edge of a clock that is captured; made when a program captures one. */
  captureAlarm: Alarm | undefined = undefined;
  /** That edge falls. */
  captureFalls = false;
  readonly index: number;
  readonly output: OutputUnit;
  readonly inputA: CaptureInput;
  readonly inputB: CaptureInput;

  constructor(index: number, output: OutputUnit, inputA: CaptureInput, inputB: CaptureInput) {
    this.index = index;
    this.output = output;
    this.inputA = inputA;
    this.inputB = inputB;
  }

  /** CCISx. */
  get inputSelect(): number {
    return (this.control >> 12) & 3;
  }

  /** What CCISx selects, unless that is a fixed level. */
  get input(): CaptureInput {
    const select = this.inputSelect;
    if (select === 0) return this.inputA;
    return select === 1 ? this.inputB : undefined;
  }

  get capturing(): boolean {
    return (this.control & CAP) !== 0;
  }

  /** Flag and enable are set. */
  get pending(): boolean {
    return (this.control & (CCIE | CCIFG)) === (CCIE | CCIFG);
  }
}

/** Offsets of the registers from TAxCTL. */
const offset = { CTL: 0, CCTL0: 2, R: 0x10, CCR0: 0x12 } as const;

export class TimerA implements RegisterOwner, ClockUser, PinUser, FunctionUser, InterruptSource, AlarmOwner {
  private readonly scheduler: Scheduler;
  private readonly interrupts: InterruptLines;
  /** Addresses and vectors: see TimerAOptions. */
  private readonly controlAddress: number;
  private readonly vectorAddress: number;
  private readonly vector0: number;
  private readonly vector1: number;
  private readonly clockPin: Pin;
  private readonly inclk: FollowedClock | undefined;
  private readonly smclk: FollowedClock;
  private readonly aclk: FollowedClock;
  private readonly blocks: readonly [Block, Block, Block];
  private control = 0;
  private readonly counter = new TimerCounter();
  /** The input divider's state: source ticks since the last count. */
  private dividerPhase = 0;
  /** Erratum TA16: after a clear the first source tick counts, whatever the divider. */
  private cleared = true;
  /** Erratum TA21: stopped at TACCR0, then cleared: the first count in up mode sets TAIFG. */
  private lateOverflow = false;
  private lastTick = 0;
  /** Counts until something happens to the counter that is more than a count; 0: not worked out. */
  private countsLeft = 0;
  /** Until when, in DCO cycles, a program that polls the counter reads the same; likewise its flags. */
  private sameCountUntil = Number.NEGATIVE_INFINITY;
  private sameFlagsUntil = Number.NEGATIVE_INFINITY;
  /** Edges of TACLK seen so far. */
  private pinTicks = 0;
  private readonly alarm: Alarm;

  constructor(
    scheduler: Scheduler,
    bus: RegisterBus,
    interrupts: InterruptLines,
    clocks: { readonly smclk: FollowedClock; readonly aclk: FollowedClock },
    options: TimerAOptions,
  ) {
    this.scheduler = scheduler;
    this.interrupts = interrupts;
    this.controlAddress = options.control;
    this.vectorAddress = options.interruptVectorRegister;
    this.vector0 = options.vector0;
    this.vector1 = options.vector1;
    this.clockPin = options.clockPin;
    this.inclk = options.inclk;
    this.smclk = clocks.smclk;
    this.aclk = clocks.aclk;
    this.alarm = new Alarm(this);
    const block = (index: number) => {
      const [inputA, inputB] = options.inputs[index] ?? [undefined, undefined];
      return new Block(index, new OutputUnit(options.outputs[index] ?? []), inputA, inputB);
    };
    this.blocks = [block(0), block(1), block(2)];
    const { control, interruptVectorRegister } = options;
    bus.own([0, 2, 4, 6, 0x10, 0x12, 0x14, 0x16].map((at) => control + at).concat(interruptVectorRegister), this);
    interrupts.attach(options.vector0, this);
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
    this.cleared = true;
    this.lateOverflow = false;
    for (const block of this.blocks) {
      block.control = 0;
      block.compare = 0;
      block.captured = false;
      block.compareLost = false;
      block.output.configure(0, 0);
      this.scheduler.cancel(block.captureAlarm);
    }
    this.update();
  }

  readRegister(address: number): number {
    if (address === this.vectorAddress) return this.takeVector();
    const at = address - this.controlAddress;
    if (at === offset.CTL) return this.readControl();
    if (at === offset.R) return this.readCount();
    if (at < offset.R) return this.readBlockControl(this.blocks[(at - offset.CCTL0) >> 1]!);
    return this.readCompare(this.blocks[(at - offset.CCR0) >> 1]!);
  }

  writeRegister(address: number, value: number): void {
    if (address === this.vectorAddress) {
      this.takeVector();
      return;
    }
    const at = address - this.controlAddress;
    if (at === offset.CTL) this.writeControl(value);
    else if (at === offset.R) this.writeCount(value);
    else if (at < offset.R) this.writeBlockControl(this.blocks[(at - offset.CCTL0) >> 1]!, value);
    else this.writeCompare(this.blocks[(at - offset.CCR0) >> 1]!, value);
  }

  peekRegister(address: number): number {
    if (address === this.vectorAddress) return this.highestVector();
    const at = address - this.controlAddress;
    return at >= offset.CCR0 ? this.blocks[(at - offset.CCR0) >> 1]!.compare : this.readRegister(address);
  }

  private connect(): void {
    this.smclk.follow(this);
    this.aclk.follow(this);
    this.inclk?.follow(this);
    this.clockPin.follow(this);
    for (const { inputA, inputB, output } of this.blocks) {
      this.followInput(inputA);
      this.followInput(inputB);
      // The pins of all inputs are among those of the outputs.
      for (const fn of output.pins) fn.follow(this);
    }
  }

  private followInput(input: CaptureInput): void {
    // Clocks are followed already.
    if (input === undefined || input instanceof ClockLine) return;
    if (input instanceof Pin) input.follow(this);
    else input.onChange((level) => this.signalChanged(input, level));
  }

  // --- what it is told

  clockChanged(clock: FollowedClock): void {
    if (clock === this.source) {
      this.sync();
      this.plan();
    }
    for (const block of this.blocks) if (block.capturing && block.input === clock) this.planCapture(block);
  }

  pinChanged(pin: Pin, level: Level): void {
    if (pin.selected !== timerFunction) return;
    if (pin === this.clockPin) this.countPin(level);
    for (const block of this.blocks) if (block.input === pin) this.inputChanged(block, level);
  }

  /** A pin became the timer's, or ceased to be. */
  functionSelected(fn: PinFunction, selected: boolean): void {
    if (selected) {
      // What happened to the pin while it was not the timer's shows when it becomes the timer's.
      for (const block of this.blocks) {
        const { input } = block;
        if (input instanceof Pin && input.attach(timerFunction, 'port') === fn) this.inputChanged(block, input.level);
      }
    }
    this.outputWatchChanged();
  }

  /** The CPU accepted the vector of TACCR0: its flag resets itself. */
  interruptAccepted(): void {
    this.sync();
    this.blocks[0].control &= ~CCIFG;
    this.update();
  }

  onAlarm(alarm: Alarm): void {
    if (alarm === this.alarm) {
      this.sync();
      this.update();
      return;
    }
    for (const block of this.blocks) if (alarm === block.captureAlarm) this.clockEdge(block);
  }

  private countPin(level: Level): void {
    // INCLK is TACLK inverted.
    if (this.source !== undefined || level !== ((this.control & 0x300) === 0 ? 1 : 0)) return;
    this.sync();
    this.pinTicks++;
    this.sync();
    this.plan();
  }

  // --- counting

  /** The line that is counted; undefined: edges of the pin. */
  private get source(): FollowedClock | undefined {
    switch ((this.control >> 8) & 3) {
      case 0:
        return undefined;
      case 1:
        return this.aclk;
      case 2:
        return this.smclk;
      default:
        return this.inclk;
    }
  }

  /** TACCR0. */
  private get top(): number {
    return this.blocks[0].compare;
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
    if (this.lateOverflow && counter.mode === timerMode.up) {
      this.lateOverflow = false;
      this.control |= TAIFG;
    }
    if (counts < this.countsLeft) {
      this.countsLeft -= counts;
      counter.move(counts, this.top);
      return;
    }
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
      this.countsLeft = distance - step;
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
    if (equal0) {
      blocks[1].output.equal0();
      blocks[2].output.equal0();
    }
    for (const block of blocks) {
      if ((block.control & CAP) !== 0 || count !== block.compare) continue;
      if (block.compareLost) block.compareLost = false;
      else block.control |= CCIFG;
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
    const [first, second, third] = this.blocks;
    this.interrupts.set(this.vector0, first.pending);
    const overflow = (this.control & (TAIE | TAIFG)) === (TAIE | TAIFG);
    this.interrupts.set(this.vector1, overflow || second.pending || third.pending);
  }

  private plan(): void {
    this.countsLeft = 0;
    this.sameCountUntil = Number.NEGATIVE_INFINITY;
    this.sameFlagsUntil = Number.NEGATIVE_INFINITY;
    const at = this.timeOfInterest();
    if (at === Number.POSITIVE_INFINITY) this.scheduler.cancel(this.alarm);
    else this.scheduler.set(this.alarm, at);
  }

  /** When something happens next that somebody can notice. */
  private timeOfInterest(): number {
    const source = this.source;
    if (source === undefined || !this.counter.counting(this.top)) return Number.POSITIVE_INFINITY;
    const counts = this.countsToInterest();
    if (counts === Number.POSITIVE_INFINITY) return counts;
    return source.timeOfTick(this.lastTick + counts * this.divider - this.dividerPhase);
  }

  /** Up to when the counter only counts, as far as that is known. */
  private timeOfEvent(): number {
    const { source } = this;
    if (source === undefined || this.lateOverflow || !this.counter.counting(this.top)) return Number.NEGATIVE_INFINITY;
    const counts = this.countsLeft || this.distanceToEvent();
    if (counts === Number.POSITIVE_INFINITY) return Number.NEGATIVE_INFINITY;
    return source.timeOfTick(this.lastTick + counts * this.divider - this.dividerPhase);
  }

  private countsToInterest(): number {
    let nearest = Number.POSITIVE_INFINITY;
    if ((this.control & (TAIE | TAIFG)) === TAIE) {
      nearest = this.lateOverflow && this.counter.mode === timerMode.up ? 1 : this.distanceTo(0);
    }
    for (const block of this.blocks) {
      if ((block.control & (CAP | CCIE | CCIFG)) === CCIE) {
        nearest = Math.min(nearest, this.distanceTo(block.compare));
      }
      if (block.output.watched) nearest = Math.min(nearest, this.countsToOutput(block));
    }
    return nearest;
  }

  private countsToOutput({ output, capturing, compare, index }: Block): number {
    let nearest = Number.POSITIVE_INFINITY;
    if (!capturing && output.usesEqual) nearest = this.distanceTo(compare);
    if (index === 0 || !output.usesEqual0) return nearest;
    return Math.min(nearest, this.distanceTo(this.counter.mode === timerMode.up ? 0 : this.top));
  }

  // --- registers

  private readControl(): number {
    this.sync();
    this.request();
    return this.control;
  }

  private readCount(): number {
    if (this.scheduler.now >= this.sameCountUntil) {
      this.sync();
      this.request();
      this.sameCountUntil = this.source?.timeOfTick(this.lastTick + 1) ?? Number.NEGATIVE_INFINITY;
    }
    return this.counter.count;
  }

  private writeCount(value: number): void {
    this.sync();
    this.counter.count = value;
    this.update();
  }

  private writeControl(value: number): void {
    this.sync();
    const changedSource = ((this.control ^ value) & 0x300) !== 0;
    this.control = value & 0x3f7 & ~TACLR;
    if ((value & TACLR) !== 0) {
      const { mode, count } = this.counter;
      if (mode === timerMode.stop && count === this.top && count !== 0) this.lateOverflow = true;
      this.counter.clear();
      this.dividerPhase = 0;
      this.cleared = true;
    }
    this.counter.setMode((value >> 4) & 3);
    if (this.dividerPhase >= this.divider) this.dividerPhase = 0;
    if (this.cleared && this.counter.mode !== timerMode.stop) {
      this.cleared = false;
      this.dividerPhase = this.divider - 1;
    }
    if (changedSource) this.lastTick = this.sourceTicks();
    this.update();
  }

  private highestVector(): number {
    if (this.blocks[1].pending) return 2;
    if (this.blocks[2].pending) return 4;
    return (this.control & (TAIE | TAIFG)) === (TAIE | TAIFG) ? 0x0a : 0;
  }

  /** TAIV: any access resets the highest pending flag. */
  private takeVector(): number {
    this.sync();
    const vector = this.highestVector();
    if (vector === 2) this.blocks[1].control &= ~CCIFG;
    else if (vector === 4) this.blocks[2].control &= ~CCIFG;
    else if (vector === 0x0a) this.control &= ~TAIFG;
    this.update();
    return vector;
  }

  private readBlockControl(block: Block): number {
    if (this.scheduler.now >= this.sameFlagsUntil) {
      this.sync();
      this.request();
      this.sameFlagsUntil = this.timeOfEvent();
    }
    block.inputLevel = this.currentInput(block);
    return (block.control & ~CCI) | (block.inputLevel === 1 ? CCI : 0);
  }

  private writeBlockControl(block: Block, value: number): void {
    this.sync();
    const before = block.control;
    block.control = (value & ~(CCI | SCCI)) | (before & SCCI);
    block.output.configure((value >> 5) & 7, (value & OUT) !== 0 ? 1 : 0);
    if (((before ^ value) & 0x3000) !== 0) {
      // Software may capture by switching the input between GND and Vcc.
      const level = this.currentInput(block);
      if ((before & CAP) !== 0 && (value & CAP) !== 0) this.inputChanged(block, level);
      else block.inputLevel = level;
    }
    this.planCapture(block);
    this.update();
  }

  private readCompare(block: Block): number {
    this.sync();
    this.request();
    block.captured = false;
    return block.compare;
  }

  private writeCompare(block: Block, value: number): void {
    this.sync();
    block.compareLost = !block.capturing && this.counter.count === block.compare && value === block.compare + 1;
    // In capture mode too: a receiver sets the time of its first sample before it turns to compare mode.
    block.compare = value;
    this.update();
  }

  // --- capture

  private signalChanged(signal: CaptureSignal, level: Level): void {
    for (const block of this.blocks) if (block.input === signal) this.inputChanged(block, level);
  }

  private currentInput(block: Block): Level {
    const select = block.inputSelect;
    if (select >= 2) return select === 3 ? 1 : 0;
    const { input } = block;
    if (input === undefined) return 0;
    // A pin that belongs to another function leaves its last level to the timer.
    if (input instanceof Pin) return input.selected === timerFunction ? input.level : block.inputLevel;
    return input instanceof ClockLine ? block.inputLevel : input.level;
  }

  private inputChanged(block: Block, level: Level): void {
    if (level === block.inputLevel) return;
    block.inputLevel = level;
    const edges = (block.control >> 14) & 3;
    if (!block.capturing || ((edges >> (level === 1 ? 0 : 1)) & 1) === 0) return;
    this.capture(block);
  }

  private capture(block: Block): void {
    this.sync();
    if (block.captured) block.control |= COV;
    block.compare = this.counter.count;
    block.captured = true;
    block.control |= CCIFG;
    block.output.equal();
    this.update();
  }

  /** Captures on a clock line: an event for each edge that counts. Falling edges lie halfway between rising ones. */
  private planCapture(block: Block): void {
    this.scheduler.cancel(block.captureAlarm);
    const edges = (block.control >> 14) & 3;
    if (!block.capturing || edges === 0) return;
    const { input } = block;
    if (input instanceof ClockLine) this.awaitClockEdge(block, input, edges);
  }

  private awaitClockEdge(block: Block, clock: ClockLine, edges: number): void {
    const tick = clock.ticks();
    const rising = clock.timeOfTick(tick + 1);
    if (rising === Number.POSITIVE_INFINITY) return;
    const falling = Math.floor((clock.timeOfTick(tick) + rising) / 2);
    block.captureFalls = (edges & 2) !== 0 && (falling > this.scheduler.now || (edges & 1) === 0);
    let at = rising;
    if (block.captureFalls) {
      at = falling > this.scheduler.now ? falling : Math.floor((rising + clock.timeOfTick(tick + 2)) / 2);
    }
    block.captureAlarm ??= new Alarm(this);
    this.scheduler.set(block.captureAlarm, at);
  }

  private clockEdge(block: Block): void {
    block.inputLevel = block.captureFalls ? 0 : 1;
    this.capture(block);
    this.planCapture(block);
  }
}
