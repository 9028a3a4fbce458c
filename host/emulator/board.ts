/**
 * An Earl board: an MSP430G2553 with everything on its pins (firmware/board/earl.h), and the world around it.
 *
 *   P1.0 LED1   P1.1/P1.2 UART   P1.3 button   P1.4 phototransistor   P1.6/P1.7 I2C: TCA6507 0x45, ADXL345 0x53
 *   P2.0 INT1 of the ADXL345     P2.1 vibration motor                 P2.2 EN of the TCA6507
 *   P2.3 state of a radio module on the UART, if there is one
 *
 * Jumper J5 is off: the green LED of the LaunchPad would hang on SCL, so P1.6 lights it only while the program drives
 * it high itself. Time is the board's own; who wants real time paces it (pacer.ts). Left out: contact bounce.
 */

import { EarlError } from '../../errors/index.ts';
import { Adxl345 } from './devices/adxl345.ts';
import type { DeviceContext, I2cDevice, TraceEvent, TraceSink } from './devices/device.ts';
import { I2cBus } from './devices/i2c-bus.ts';
import { Motor } from './devices/motor.ts';
import { Tca6507 } from './devices/tca6507.ts';
import { UartPeer } from './devices/uart-peer.ts';
import type { Image } from './image/image.ts';
import { Mcu, type McuOptions } from './mcu.ts';
import type { Pin } from './peripherals/pin.ts';
import { UsciI2c } from './peripherals/usci-i2c.ts';
import { UsciInterrupts } from './peripherals/usci-interrupts.ts';
import { UsciUart } from './peripherals/usci-uart.ts';
import { Tracer } from './trace.ts';
import { seededRandom, World, type WorldOptions } from './world.ts';

export const LIGHT_VOLTS_PER_LUX = 0.0011;
export const LIGHT_CHANNEL = 4;
/** What a phototransistor leaves of the supply when it saturates. */
export const LIGHT_SATURATION_V = 0.1;
export const WORLD_INTERVAL_S = 0.5;
const VLO_TYPICAL_HZ = 12000;
/** SLAS735 allows 4 to 20 kHz; most parts lie within a fifth of the typical value. */
const VLO_SPREAD = 0.2;

/** Outputs of the TCA6507 by what hangs on them: P0 is not connected. */
export const ledOutputs = [
  undefined,
  'lower.red',
  'lower.green',
  'lower.blue',
  'upper.red',
  'upper.green',
  'upper.blue',
] as const;

export interface BoardOptions extends WorldOptions {
  /** Program; without one call `load`. */
  readonly image?: Image;
  /** Contents of the info segments, 64 bytes each; an id goes to D (firmware/link/identity.h). */
  readonly info?: McuOptions['info'];
  /** Rate of the serial line's other end. Default 9600. */
  readonly baud?: number;
  /** Frequency of the VLO. Default: 12 kHz give or take a fifth, from the seed. */
  readonly vloHz?: number;
  /** Gets every event from power-on; more listeners: `tracer.add`. */
  readonly trace?: TraceSink;
}

/** Everything that shines, by the names of the trace. */
export const ledNames = [
  'led1',
  'led2',
  'lower.red',
  'lower.green',
  'lower.blue',
  'upper.red',
  'upper.green',
  'upper.blue',
] as const;

/** Brightness 0..1 of everything that shines. */
export interface BoardLights {
  /** LEDs of the LaunchPad: red on P1.0, green on P1.6. */
  readonly led1: number;
  readonly led2: number;
  /** Red, green, blue. */
  readonly lower: readonly [number, number, number];
  readonly upper: readonly [number, number, number];
}

/** A board with a program: run it for a time, look at its pins, parts and lights, change the world around it. */
export class Board {
  /** The chip: registers, memory, pins, single steps. */
  readonly mcu: Mcu;
  /** Light, motion, temperature and supply: to be fixed, or left to move by themselves. */
  readonly world: World;
  /** Who listens to what happens: `tracer.add(sink, kinds)`. */
  readonly tracer: Tracer;
  /** The other end of the serial line: `send` bytes, set `onByte`. */
  readonly uart: UartPeer;
  /** The bus and what can go wrong on it. */
  readonly i2c: I2cBus;
  /** Drives the two RGB LEDs; at 0x45 on the bus. */
  readonly ledDriver: Tca6507;
  /** At 0x53 on the bus; feels `world`. */
  readonly accelerometer: Adxl345;
  /** On P2.1; `duty` is what it feels of the PWM, 0 to 1. */
  readonly motor: Motor;
  /** Called for what silicon would not report, and for what a program asks that is not emulated. */
  onWarning: (message: string) => void = () => {};

  private readonly complaints = new Set<string>();
  /** Lux at the light sensor from an LED at full brightness. */
  private readonly opticalPaths = new Map<string, number>();

  constructor(options: BoardOptions = {}) {
    const seed = options.seed ?? 1;
    this.world = new World(options);
    const vloHz = options.vloHz ?? typicalVlo(seed);
    this.mcu = new Mcu({ vloHz, seed, ...(options.info && { info: options.info }) });
    const { mcu } = this;
    this.tracer = new Tracer(() => mcu.scheduler.seconds());
    if (options.trace) this.tracer.add(options.trace);
    const context: DeviceContext = {
      scheduler: mcu.scheduler,
      trace: (event) => this.tracer.emit(event),
      tracing: (kind) => this.tracer.wants(kind),
    };

    const interrupts = new UsciInterrupts(mcu);
    new UsciUart(mcu, interrupts, (what) => this.complain(`${what} is not emulated`));
    new UsciI2c(mcu, interrupts, (what) => this.complain(`${what} is not emulated`));

    this.uart = new UartPeer(mcu.scheduler, mcu.pin(1, 1), mcu.pin(1, 2), { baud: options.baud ?? 9600 });
    this.uart.onSent = (byte) => this.tracer.emit({ kind: 'uart', dir: 'rx', byte });
    this.i2c = new I2cBus(mcu.scheduler, mcu.pin(1, 7), mcu.pin(1, 6), (transaction) =>
      this.tracer.emit({ kind: 'i2c', ...transaction }),
    );
    this.ledDriver = new Tca6507(context, { outputNames: ledOutputs });
    this.accelerometer = new Adxl345(context, {
      acceleration: (t) => this.world.acceleration(t),
      onInt1: (level) => mcu.pin(2, 0).drive(level),
    });
    this.motor = new Motor(context, mcu.pin(2, 1));
    this.wire();
    this.watch();
    if (options.image) this.load(options.image);
  }

  /** Loads a program and switches the board on. */
  load(image: Image): void {
    this.ledDriver.powerCycle();
    this.accelerometer.powerCycle();
    this.mcu.load(image);
  }

  /** Seconds since power-on. */
  get seconds(): number {
    return this.mcu.scheduler.seconds();
  }

  /** Runs for a time in seconds of the board. */
  runFor(seconds: number): void {
    this.mcu.runFor(seconds);
  }

  /**
   * A pin of the chip by the name on the board, e.g. `P1.0`: read its `level`, listen with `onChange`, `drive` it.
   * Throws `USAGE` when the chip has no such pin.
   */
  pin(name: string): Pin {
    const match = /^P([1-3])\.([0-7])$/.exec(name);
    if (match === null) throw new EarlError('USAGE', `"${name}" is no pin of the chip: P1.0 to P3.7`);
    return this.mcu.pin(Number(match[1]), Number(match[2]));
  }

  /**
   * Puts a part of your own on the I2C bus (P1.6 SCL, P1.7 SDA); one with the address of a part that is there replaces
   * it. Returns what takes it off again, after which nobody answers at its address.
   */
  attachI2c(device: I2cDevice): () => void {
    this.i2c.attach(device);
    return () => this.i2c.detach(device.address);
  }

  /** What shines now. */
  lights(): BoardLights {
    const output = (index: number) => this.ledDriver.brightness(index);
    return {
      led1: this.mcu.pin(1, 0).driven ?? 0,
      led2: this.mcu.pin(1, 6).driven ?? 0,
      lower: [output(1), output(2), output(3)],
      upper: [output(4), output(5), output(6)],
    };
  }

  /**
   * How much light of an LED reaches the phototransistor: lux there when the LED shines fully, 0 for none, which is the
   * default of all. Colours are not told apart. Throws `USAGE` for an LED that is not there.
   */
  setOpticalPath(led: string, lux: number): void {
    if (!(ledNames as readonly string[]).includes(led)) {
      throw new EarlError('USAGE', `"${led}" is none of the LEDs ${ledNames.join(', ')}`);
    }
    if (!(lux >= 0)) throw new EarlError('USAGE', `"${led}": light is 0 lux or more`);
    if (lux === 0) this.opticalPaths.delete(led);
    else this.opticalPaths.set(led, lux);
  }

  /** Illuminance at the light sensor now: the world's light and that of the LEDs. */
  get lux(): number {
    let lux = this.world.lux(this.seconds);
    for (const [led, gain] of this.opticalPaths) lux += gain * this.brightness(led);
    return lux;
  }

  /** The user's button on P1.3, down until `releaseButton`. */
  pressButton(): void {
    this.mcu.pin(1, 3).drive(0);
  }

  /** Lets the button on P1.3 go. */
  releaseButton(): void {
    this.mcu.pin(1, 3).drive(undefined);
  }

  /** The reset button: RAM survives, the parts on the bus do not notice. */
  pressReset(): void {
    this.mcu.reset('pin');
  }

  /**
   * The state pin of a radio module on the UART, P2.3: true while somebody is connected, false while nobody is, undefined
   * without a module, as from the start: then the pin floats, and the firmware's pull-up makes it look connected.
   */
  setBridge(connected: boolean | undefined): void {
    this.mcu.pin(2, 3).drive(connected === undefined ? undefined : connected ? 1 : 0);
  }

  private brightness(led: string): number {
    if (led === 'led1') return this.mcu.pin(1, 0).driven ?? 0;
    if (led === 'led2') return this.mcu.pin(1, 6).driven ?? 0;
    return this.ledDriver.brightness(ledOutputs.indexOf(led as (typeof ledOutputs)[number]));
  }

  // ---- wiring

  private wire(): void {
    const { mcu, ledDriver } = this;
    this.i2c.attach(ledDriver);
    this.i2c.attach(this.accelerometer);
    mcu.pin(1, 3).pull(1);
    mcu.pin(2, 0).drive(0);
    const enable = mcu.pin(2, 2);
    enable.pull(1);
    ledDriver.setEnabled(enable.level === 1);
    enable.onChange((level) => ledDriver.setEnabled(level === 1));
    mcu.setAnalogInput(LIGHT_CHANNEL, () =>
      Math.min(this.lux * LIGHT_VOLTS_PER_LUX, mcu.supplyVolts - LIGHT_SATURATION_V),
    );
    this.world.onChange = () => this.applyWorld();
    this.followWorld();
  }

  private followWorld(): void {
    this.applyWorld();
    const { scheduler } = this.mcu;
    scheduler.after(scheduler.cycles(WORLD_INTERVAL_S), () => this.followWorld());
  }

  private applyWorld(): void {
    this.mcu.temperatureCelsius = this.world.temperature(this.seconds);
    this.mcu.supplyVolts = this.world.supply(this.seconds);
  }

  // ---- traces

  private watch(): void {
    const { mcu } = this;
    for (const port of [1, 2]) {
      for (let bit = 0; bit < 8; bit++) {
        const pin = mcu.pin(port, bit);
        pin.onChange((level) => this.tracer.emit({ kind: 'pin', pin: pin.name, level }));
      }
    }
    this.watchLed('led1', 1, 0);
    this.watchLed('led2', 1, 6);
    this.uart.onTransmitted = (byte) => this.tracer.emit({ kind: 'uart', dir: 'tx', byte });
    mcu.onReset((kind) => this.tracer.emit({ kind: 'cpu', event: 'reset', detail: kind }));
    mcu.onWarning((warning) => this.complain(warning.message));
  }

  private watchLed(led: string, port: number, bit: number): void {
    const pin = this.mcu.pin(port, bit);
    let shown = 0;
    pin.onChange(() => {
      const brightness = pin.driven ?? 0;
      if (brightness === shown) return;
      shown = brightness;
      this.tracer.emit({ kind: 'led', led, brightness });
    });
  }

  private complain(message: string): void {
    if (this.complaints.has(message)) return;
    this.complaints.add(message);
    const event: TraceEvent = { kind: 'cpu', event: 'warning', detail: message };
    this.tracer.emit(event);
    this.onWarning(message);
  }
}

/** 12 kHz give or take a fifth, from the seed. */
export function typicalVlo(seed: number): number {
  const random = seededRandom(seed ^ 0x56_4c_4f);
  return Math.round(VLO_TYPICAL_HZ * (1 + VLO_SPREAD * (2 * random() - 1)));
}
