/**
 * A scripted world for `earl emulate --world FILE`: what happens around the board, and when.
 *
 *     { "alive": false,
 *       "events": [ { "at": "500ms", "lux": 800 }, { "at": 1.5, "button": "press" }, { "at": 1.7, "button": "release" },
 *                   { "at": "2s", "acceleration": [0, 0, 1], "temperature": 31, "supply": 2.6 },
 *                   { "at": "3s", "i2c": { "refuse": 1 } }, { "at": "4s", "reset": true } ] }
 *
 * `at` is board time, seconds or a duration. `null` gives a quantity back to the world's own wave. `i2c` knows holdSda,
 * holdScl (true, false), stickSda (clocks), refuse (byte: 0 is the address) and loseArbitration (bit).
 */

import { readFileSync } from 'node:fs';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { Board, Vector } from '../emulator/index.ts';
import { parseDurationMs } from './duration.ts';

export interface WorldScript {
  readonly alive: boolean | undefined;
  /** Puts the events on a board that was just switched on. */
  apply(board: Board): void;
}

type Action = (board: Board) => void;
type Fields = Record<string, unknown>;

/** Reads and checks a file. Throws `USAGE` that names the event and the field. */
export function readWorld(path: string): WorldScript {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new EarlError('USAGE', `${path}: ${errorMessage(error)}`, { cause: error });
  }
  if (!isFields(content)) throw new EarlError('USAGE', `${path}: write an object with "events"`);
  const { alive, events = [] } = content;
  if (alive !== undefined && typeof alive !== 'boolean')
    throw new EarlError('USAGE', `${path}: "alive" is true or false`);
  if (!Array.isArray(events)) throw new EarlError('USAGE', `${path}: "events" is a list`);
  const steps = events.map((event, index) => {
    try {
      return readStep(event);
    } catch (error) {
      throw new EarlError('USAGE', `${path}, event ${index + 1}: ${errorMessage(error)}`, { cause: error });
    }
  });
  return { alive, apply: (board) => schedule(board, steps) };
}

interface Step {
  readonly seconds: number;
  readonly actions: readonly Action[];
}

function schedule(board: Board, steps: readonly Step[]): void {
  const { scheduler } = board.mcu;
  for (const { seconds, actions } of steps) {
    scheduler.after(scheduler.cycles(seconds), () => {
      for (const action of actions) action(board);
    });
  }
}

function readStep(event: unknown): Step {
  if (!isFields(event)) throw new Error('write an object');
  const { at, ...fields } = event;
  const seconds = typeof at === 'number' ? at : typeof at === 'string' ? parseDurationMs(at) / 1000 : Number.NaN;
  if (!(seconds >= 0)) throw new Error('"at" is a time in seconds or a duration like "500ms"');
  return { seconds, actions: Object.entries(fields).map(([name, value]) => readAction(name, value)) };
}

function readAction(name: string, value: unknown): Action {
  switch (name) {
    case 'lux': {
      const lux = optionalNumber(name, value);
      return ({ world }) => world.setLux(lux);
    }
    case 'temperature': {
      const celsius = optionalNumber(name, value);
      return ({ world }) => world.setTemperature(celsius);
    }
    case 'supply': {
      const volts = optionalNumber(name, value);
      return ({ world }) => world.setSupply(volts);
    }
    case 'acceleration': {
      const acceleration = value === null ? undefined : vector(value);
      return ({ world }) => world.setAcceleration(acceleration);
    }
    case 'button':
      if (value === 'press') return (board) => board.pressButton();
      if (value === 'release') return (board) => board.releaseButton();
      throw new Error('"button" is "press" or "release"');
    case 'reset':
      return (board) => board.pressReset();
    case 'i2c':
      return readFault(value);
    default:
      throw new Error(`"${name}" is none of lux, acceleration, temperature, supply, button, reset and i2c`);
  }
}

function readFault(value: unknown): Action {
  const [entry, ...more] = isFields(value) ? Object.entries(value) : [];
  if (entry === undefined || more.length > 0) throw new Error('"i2c" is an object with one field');
  const [name, argument] = entry;
  switch (name) {
    case 'holdSda':
      return ({ i2c }) => i2c.holdSda(argument === true);
    case 'holdScl':
      return ({ i2c }) => i2c.holdScl(argument === true);
    case 'stickSda':
      return ({ i2c }) => i2c.stickSda(finite(name, argument));
    case 'refuse':
      return ({ i2c }) => i2c.refuse({ index: finite(name, argument) });
    case 'loseArbitration':
      return ({ i2c }) => i2c.loseArbitration(finite(name, argument));
    default:
      throw new Error(`"${name}" is none of holdSda, holdScl, stickSda, refuse and loseArbitration`);
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function finite(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new Error(`"${name}" is a number`);
}

function optionalNumber(name: string, value: unknown): number | undefined {
  return value === null ? undefined : finite(name, value);
}

function vector(value: unknown): Vector {
  if (Array.isArray(value) && value.length === 3) {
    return [finite('acceleration', value[0]), finite('acceleration', value[1]), finite('acceleration', value[2])];
  }
  throw new Error('"acceleration" is a list of three numbers in g');
}
