/**
 * Recordings: what a board was, what came from outside and when, and everything that it did. JSON lines:
 *
 *     {"earl":"recording","version":1,"image":{…},"options":{…}}     the first line: program, options, world
 *     {"cycle":81234,"input":{"uart":"0342"}}                        an input (board-input.ts) before this cycle's instruction
 *     {"t":0.1,"kind":"uart","dir":"tx","byte":3}                    a trace event, of any kind
 *     {"end":{"cycle":800000,"instructions":…,"state":"…"}}          the last line; state is a hash of registers and RAM
 *
 * The emulator knows neither wall clock nor chance: the same first line and inputs give the same lines again, byte for
 * byte. A replay proves it. Inputs are stamped with the scheduler's cycle between two instructions.
 */

import { EarlError } from '../../errors/index.ts';
import type { Board } from './board.ts';
import { type BoardInput, readInput } from './board-input.ts';
import type { TraceEvent } from './devices/device.ts';
import { fromHex, toHex } from './hex.ts';
import type { Image } from './image/image.ts';
import { makeImage } from './image/load.ts';

export interface RecordingHeader {
  readonly earl: 'recording';
  readonly version: 1;
  readonly image: {
    readonly name: string;
    /** Of the JSON of `segments`; empty when nobody computed it. */
    readonly sha256: string;
    /** Contents in hex by address in hex. */
    readonly segments: Readonly<Record<string, string>>;
  };
  readonly options: {
    /** 16 hex digits; null: no id is provisioned. */
    readonly id: string | null;
    readonly seed: number;
    readonly baud: number;
    readonly alive: boolean;
  };
  /** Contents of the world file, null without. */
  readonly world: unknown;
}

export interface RecordedInput {
  readonly cycle: number;
  readonly input: BoardInput;
}

export interface RecordingEnd {
  readonly cycle: number;
  readonly instructions: number;
  readonly state: string;
}

export interface Recording {
  readonly header: RecordingHeader;
  readonly inputs: readonly RecordedInput[];
  readonly end: RecordingEnd;
  readonly lines: readonly string[];
}

const ramStart = 0x200;
const ramBytes = 0x200;
/** Board time between two yields of a replay, in cycles. */
const SLICE_CYCLES = 400_000;

/** The segments of an image as a header holds them. */
export function recordedSegments({ segments }: Image): Record<string, string> {
  return Object.fromEntries(segments.map(({ address, data }) => [address.toString(16), toHex(data)]));
}

/** The program of a recording. Throws `RECORDING_DAMAGED`. */
export function recordedImage({ image }: RecordingHeader): Image {
  const segments = Object.entries(image.segments).map(([address, text]) => {
    const data = fromHex(text);
    if (data === undefined) throw damaged(1, 'the image is not in hex');
    return { address: Number.parseInt(address, 16), data };
  });
  return makeImage('ti-txt', segments);
}

/** Records a board from before its program is loaded until `finish`. */
export class Recorder {
  private readonly board: Board;
  private readonly write: (line: string) => void;
  private readonly detach: () => void;

  /** @param write gets each line, without its end */
  constructor(board: Board, header: RecordingHeader, write: (line: string) => void) {
    this.board = board;
    this.write = write;
    write(JSON.stringify(header));
    this.detach = board.tracer.add((event) => write(eventJson(event)));
  }

  /** Something happens to the board now, between two runs. Throws, and records nothing, when it cannot. */
  input(input: BoardInput): void {
    const { now } = this.board.mcu.scheduler;
    readInput(input)(this.board);
    this.write(JSON.stringify({ cycle: now, input }));
  }

  finish(): void {
    this.detach();
    const { mcu } = this.board;
    const end: RecordingEnd = {
      cycle: mcu.scheduler.now,
      instructions: mcu.instructions,
      state: stateHash(this.board),
    };
    this.write(JSON.stringify({ end }));
  }
}

/** An event as a line of JSON, nanoseconds as the last digits of its time. */
export function eventJson(event: TraceEvent & { t: number }): string {
  return JSON.stringify({ ...event, t: Number(event.t.toFixed(9)) });
}

/** Reads a recording. Throws `RECORDING_DAMAGED` with the number of the line. */
export function parseRecording(text: string): Recording {
  const lines = text.split('\n').filter((line) => line !== '');
  const values = lines.map((line, index) => parseLine(line, index + 1));
  const [first, last] = [values[0], values.at(-1)];
  if (first === undefined || first.earl !== 'recording') throw damaged(1, 'this is no recording');
  if (first.version !== 1) throw damaged(1, `version ${String(first.version)} is not known: use a newer Earl`);
  if (last?.end === undefined) throw damaged(lines.length, 'the end is missing: the recording was cut off');
  const inputs = values.flatMap((value, index): RecordedInput[] => {
    if (value.input === undefined) return [];
    if (typeof value.cycle !== 'number') throw damaged(index + 1, 'an input without its cycle');
    return [{ cycle: value.cycle, input: value.input as BoardInput }];
  });
  return { header: checkHeader(first), inputs, end: last.end as RecordingEnd, lines };
}

/** Plays the inputs of a recording to a board of the same kind, slice by slice, to its end. */
export function* replay({ inputs, end }: Recording, board: Board, recorder: Recorder): Generator<void> {
  for (const { cycle, input } of inputs) {
    yield* runTo(board, cycle);
    recorder.input(input);
  }
  yield* runTo(board, end.cycle);
}

function* runTo(board: Board, cycle: number): Generator<void> {
  const { mcu } = board;
  while (mcu.scheduler.now < cycle) {
    mcu.runUntil(Math.min(cycle, mcu.scheduler.now + SLICE_CYCLES));
    yield;
  }
}

function parseLine(line: string, number: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Reported below, as what is JSON but no object.
  }
  throw damaged(number, 'this is no JSON object');
}

function checkHeader(value: Record<string, unknown>): RecordingHeader {
  const header = value as unknown as RecordingHeader;
  const { image, options } = header;
  const good =
    typeof image?.name === 'string' &&
    typeof image.segments === 'object' &&
    typeof options?.seed === 'number' &&
    typeof options.baud === 'number' &&
    typeof options.alive === 'boolean';
  if (!good) throw damaged(1, 'the first line lacks the image or the options');
  return header;
}

/** FNV-1a, 32 bits, over registers and RAM. */
function stateHash({ mcu }: Board): string {
  let hash = 0x811c9dc5;
  const add = (byte: number) => {
    hash = Math.imul(hash ^ byte, 0x01000193);
  };
  for (const register of mcu.registers) {
    add(register & 0xff);
    add(register >> 8);
  }
  for (let address = ramStart; address < ramStart + ramBytes; address++) add(mcu.peek(address));
  return (hash >>> 0).toString(16).padStart(8, '0');
}

function damaged(line: number, what: string): EarlError {
  return new EarlError('RECORDING_DAMAGED', `recording, line ${line}: ${what}`);
}
