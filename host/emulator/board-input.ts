/**
 * Everything that can happen to a board from outside, as plain JSON: for world files, recordings and tests.
 *
 *     { "lux": 800 }  { "acceleration": [0, 0, 1] }  { "temperature": 31 }  { "supply": 2.6 }
 *     { "button": "press" }  { "button": "release" }  { "reset": true }
 *     { "uart": "03 42 00" }                          bytes to the board
 *     { "bridge": "idle" }  { "bridge": "connected" }  { "bridge": "none" }   what a radio module's state pin says
 *     { "uartNoise": { "rate": 0.001, "seed": 7 } }   each bit of either direction flips with this probability; null ends
 *     { "optics": { "lower.red": 120 } }              lux at the light sensor from an LED at full brightness
 *     { "i2c": { "refuse": 1 } }  { "i2c": { "refuse": { "address": 69, "index": 0, "times": 3 } } }
 *     { "i2c": { "holdSda": true } }  { "i2c": { "holdScl": true } }  { "i2c": { "stickSda": 5 } }
 *     { "i2c": { "loseArbitration": 3 } }
 *
 * Several fields happen together. `null` gives lux, acceleration, temperature or supply back to the world's own wave.
 */

import { EarlError } from '../../errors/index.ts';
import type { Board } from './board.ts';
import { fromHex } from './hex.ts';
import type { Vector } from './world.ts';

export type BoardInput = Readonly<Record<string, unknown>>;
export type InputAction = (board: Board) => void;

const NAMES = 'lux, acceleration, temperature, supply, button, reset, bridge, uart, uartNoise, optics and i2c';
const bridgeStates: Readonly<Record<string, boolean | undefined>> = { connected: true, idle: false, none: undefined };

/** Reads and checks an input. Throws `USAGE` that names the field. */
export function readInput(input: unknown): InputAction {
  if (!isFields(input)) throw usage('write an object');
  const actions = Object.entries(input).map(([name, value]) => readField(name, value));
  return (board) => {
    for (const action of actions) action(board);
  };
}

function readField(name: string, value: unknown): InputAction {
  switch (name) {
    case 'lux':
    case 'temperature':
    case 'supply':
      return readQuantity(name, value);
    case 'acceleration': {
      const acceleration = value === null ? undefined : vector(value);
      return ({ world }) => world.setAcceleration(acceleration);
    }
    case 'button':
      if (value === 'press') return (board) => board.pressButton();
      if (value === 'release') return (board) => board.releaseButton();
      throw usage('"button" is "press" or "release"');
    case 'reset':
      if (value !== true) throw usage('"reset" is true');
      return (board) => board.pressReset();
    case 'bridge': {
      if (typeof value !== 'string' || !Object.hasOwn(bridgeStates, value)) {
        throw usage('"bridge" is "connected", "idle" or "none"');
      }
      return (board) => board.setBridge(bridgeStates[value]);
    }
    case 'uart': {
      const bytes = hexBytes(value);
      return ({ uart }) => uart.send(bytes);
    }
    case 'uartNoise':
      return readNoise(value);
    case 'optics':
      return readOptics(value);
    case 'i2c':
      return readFault(value);
    default:
      throw usage(`"${name}" is none of ${NAMES}`);
  }
}

function readQuantity(name: 'lux' | 'temperature' | 'supply', value: unknown): InputAction {
  const amount = value === null ? undefined : finite(name, value);
  switch (name) {
    case 'lux':
      return ({ world }) => world.setLux(amount);
    case 'temperature':
      return ({ world }) => world.setTemperature(amount);
    case 'supply':
      return ({ world }) => world.setSupply(amount);
  }
}

function readNoise(value: unknown): InputAction {
  if (value === null) return ({ uart }) => uart.setNoise(undefined);
  const { rate, seed = 1 } = isFields(value) ? value : {};
  if (typeof rate !== 'number' || !(rate >= 0 && rate <= 1)) {
    throw usage('"uartNoise" is null or an object with "rate", a probability, and "seed"');
  }
  const noise = { bitErrorRate: rate, seed: finite('seed', seed) };
  return ({ uart }) => uart.setNoise(noise);
}

function readOptics(value: unknown): InputAction {
  if (!isFields(value)) throw usage('"optics" is an object with lux by LED');
  const paths = Object.entries(value).map(([led, lux]) => [led, finite(led, lux)] as const);
  return (board) => {
    for (const [led, lux] of paths) board.setOpticalPath(led, lux);
  };
}

function readFault(value: unknown): InputAction {
  const [entry, ...more] = isFields(value) ? Object.entries(value) : [];
  if (entry === undefined || more.length > 0) throw usage('"i2c" is an object with one field');
  const [name, argument] = entry;
  switch (name) {
    case 'holdSda':
      return ({ i2c }) => i2c.holdSda(argument === true);
    case 'holdScl':
      return ({ i2c }) => i2c.holdScl(argument === true);
    case 'stickSda': {
      const clocks = finite(name, argument);
      return ({ i2c }) => i2c.stickSda(clocks);
    }
    case 'refuse':
      return readRefusal(argument);
    case 'loseArbitration': {
      const bit = finite(name, argument);
      return ({ i2c }) => i2c.loseArbitration(bit);
    }
    default:
      throw usage(`"${name}" is none of holdSda, holdScl, stickSda, refuse and loseArbitration`);
  }
}

function readRefusal(value: unknown): InputAction {
  if (value === null) return ({ i2c }) => i2c.refuse(undefined);
  if (!isFields(value)) {
    const index = finite('refuse', value);
    return ({ i2c }) => i2c.refuse({ index });
  }
  const { address, index = 0, times = 1, ...rest } = value;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw usage(`"${unknown}" is none of address, index and times`);
  const fault = {
    ...(address !== undefined && { address: finite('address', address) }),
    index: finite('index', index),
    times: finite('times', times),
  };
  return ({ i2c }) => i2c.refuse(fault);
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function finite(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw usage(`"${name}" is a number`);
}

function vector(value: unknown): Vector {
  if (Array.isArray(value) && value.length === 3) {
    return [finite('acceleration', value[0]), finite('acceleration', value[1]), finite('acceleration', value[2])];
  }
  throw usage('"acceleration" is a list of three numbers in g');
}

function hexBytes(value: unknown): Uint8Array {
  const bytes = typeof value === 'string' ? fromHex(value.replace(/\s/g, '')) : undefined;
  if (bytes === undefined) throw usage('"uart" is a text of hex bytes, e.g. "03 42 00"');
  return bytes;
}

function usage(message: string): EarlError {
  return new EarlError('USAGE', message);
}
