/** Every instrument of instruments.ts, around an emulated board: they look into the emulator and turn its world. */

import { EarlError } from '../../errors/index.ts';
import type { Board, I2cDevice } from '../emulator/index.ts';
import type { BusTransaction, Edge, FaultInjector, Instruments, PinName, PowerSupply } from './instruments.ts';

const RAM_START = 0x200;
const RAM_END = 0x400;
/** `jmp $`. */
const ENDLESS_LOOP = Uint8Array.of(0xff, 0x3f);
const NOWHERE = -1;
const pinNames: Readonly<Record<PinName, string>> = { motor: 'P2.1', scl: 'P1.6', sda: 'P1.7' };
/** How startup.s marks stack that was never used. */
const UNUSED_STACK = 0x5a5a;

/** @param nowMs the bench's clock */
export function virtualInstruments(board: Board, nowMs: () => number): Required<Instruments> {
  const { world } = board;
  settle(board);
  return {
    bus: { record: () => recordBus(board) },
    pins: { record: (pin) => recordPin(board, pin, nowMs) },
    photometer: { brightness: () => board.lights() },
    lamp: { setLux: (lux) => world.setLux(lux) },
    motion: { set: (acceleration) => world.setAcceleration(acceleration) },
    climate: { setCelsius: (celsius) => world.setTemperature(celsius) },
    power: powerSupply(board),
    finger: { press: () => board.pressButton(), release: () => board.releaseButton() },
    faults: faultInjector(board),
    module: { setState: (connected) => board.setBridge(connected) },
  };
}

/** The state between two cases: a lit room, a board that lies still, nobody's finger on the button, a wire for a link. */
export function settle(board: Board): void {
  board.world.setLux(300);
  board.world.setAcceleration([0, 0, 1]);
  board.world.setTemperature(22);
  board.world.setSupply(3.3);
  board.releaseButton();
  board.setBridge(undefined);
}

function recordBus(board: Board): () => BusTransaction[] {
  const seen: BusTransaction[] = [];
  const stop = board.tracer.add(
    (event) => {
      if (event.kind !== 'i2c') return;
      seen.push({ address: event.addr, written: event.write, read: event.read, acknowledged: event.ack });
    },
    ['i2c'],
  );
  return () => {
    stop();
    return seen;
  };
}

/** The edges carry the board's own time, which is exact; the bench's clock gives the origin. */
function recordPin(board: Board, name: PinName, nowMs: () => number): () => Edge[] {
  const pin = board.pin(pinNames[name]);
  const origin = nowMs() - board.seconds * 1000;
  const at = () => origin + board.seconds * 1000;
  const edges: Edge[] = [{ atMs: at(), level: pin.level }];
  let recording = true;
  pin.onChange((level) => {
    if (recording) edges.push({ atMs: at(), level });
  });
  return () => {
    recording = false;
    edges.push({ atMs: at(), level: pin.level });
    return edges;
  };
}

function powerSupply(board: Board): PowerSupply {
  return {
    setVolts: (volts) => board.world.setSupply(volts),
    cycle: () => {
      const noise = new Uint8Array(RAM_END - RAM_START).map((_, index) => (index * 151) ^ (index >> 3));
      board.mcu.poke(RAM_START, noise);
      board.ledDriver.powerCycle();
      board.accelerometer.powerCycle();
      board.mcu.reset('power_on');
    },
    dip: () => board.mcu.reset('power_on'),
    pressReset: () => board.pressReset(),
  };
}

function faultInjector(board: Board): FaultInjector {
  const parts = new Map([board.ledDriver, board.accelerometer].map((part) => [part.address, part]));
  const unplugged = new Set<number>();
  const plug = (address: number) => {
    const part = partAt(parts, address);
    unplugged.delete(address);
    part.powerCycle();
    board.attachI2c(part);
  };
  return {
    unplug: (address) => {
      partAt(parts, address);
      unplugged.add(address);
      board.i2c.detach(address);
    },
    plug,
    holdSda: (held) => board.i2c.holdSda(held),
    stickSda: (clocks) => board.i2c.stickSda(clocks),
    refuse: (index) => board.i2c.refuse({ index }),
    loseArbitration: (bit) => board.i2c.loseArbitration(bit),
    hangCpu: () => hang(board),
    clear: () => {
      board.i2c.holdSda(false);
      board.i2c.refuse(undefined);
      for (const address of [...unplugged]) plug(address);
    },
  };
}

function partAt<P extends I2cDevice>(parts: ReadonlyMap<number, P>, address: number): P {
  const part = parts.get(address);
  if (part === undefined)
    throw new EarlError('USAGE', `no part of the board has the address 0x${address.toString(16)}`);
  return part;
}

/** Puts an endless loop where no stack was yet, and the program there. Interrupts go on; main does not. */
function hang(board: Board): void {
  let place = NOWHERE;
  for (let address = RAM_START; address < RAM_END && place === NOWHERE; address += 2) {
    if (board.mcu.peekWord(address) === UNUSED_STACK) place = address;
  }
  if (place === NOWHERE) throw new EarlError('HIL_NO_ROOM', 'the program left no unused stack to hang it in');
  board.mcu.poke(place, ENDLESS_LOOP);
  board.mcu.registers[0] = place;
}
