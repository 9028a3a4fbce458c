/**
 * A scripted world for `earl emulate --world FILE`: what happens around the board, and when.
 *
 *     { "alive": false,
 *       "events": [ { "at": "500ms", "lux": 800 }, { "at": 1.5, "button": "press" }, { "at": 1.7, "button": "release" },
 *                   { "at": "2s", "acceleration": [0, 0, 1], "temperature": 31, "supply": 2.6 },
 *                   { "at": "3s", "i2c": { "refuse": 1 } }, { "at": "4s", "reset": true } ] }
 *
 * `at` is board time, seconds or a duration. What else an event may hold: host/emulator/board-input.ts.
 */

import { readFileSync } from 'node:fs';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { type Board, type InputAction, readInput } from '../emulator/index.ts';
import { parseDurationMs } from './duration.ts';

export interface WorldScript {
  readonly alive: boolean | undefined;
  /** The file's contents, for recordings. */
  readonly content: unknown;
  /** Puts the events on a board that was just switched on. */
  apply(board: Board): void;
}

/** Reads and checks a file. Throws `USAGE` that names the event and the field. */
export function readWorld(path: string): WorldScript {
  try {
    return makeWorld(JSON.parse(readFileSync(path, 'utf8')), path);
  } catch (error) {
    throw error instanceof EarlError
      ? error
      : new EarlError('USAGE', `${path}: ${errorMessage(error)}`, { cause: error });
  }
}

/** The same from the contents of a file; `path` is for messages. */
export function makeWorld(content: unknown, path: string): WorldScript {
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
  return { alive, content, apply: (board) => schedule(board, steps) };
}

interface Step {
  readonly seconds: number;
  readonly action: InputAction;
}

function schedule(board: Board, steps: readonly Step[]): void {
  const { scheduler } = board.mcu;
  for (const { seconds, action } of steps) scheduler.after(scheduler.cycles(seconds), () => action(board));
}

function readStep(event: unknown): Step {
  if (!isFields(event)) throw new Error('write an object');
  const { at, ...input } = event;
  const seconds = typeof at === 'number' ? at : typeof at === 'string' ? parseDurationMs(at) / 1000 : Number.NaN;
  if (!(seconds >= 0)) throw new Error('"at" is a time in seconds or a duration like "500ms"');
  return { seconds, action: readInput(input) };
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
