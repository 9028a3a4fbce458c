/**
 * `earl emulate --record FILE` and `--replay FILE`: files around the recordings of host/emulator/record.ts.
 *
 * The program is in the file: a recording replays on any machine without the image that it was made from.
 */

import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { EarlError, errorMessage } from '../../errors/index.ts';
import {
  type Board,
  type Image,
  parseRecording,
  Recorder,
  type Recording,
  type RecordingHeader,
  recordedSegments,
} from '../emulator/index.ts';

export interface RecordingFile {
  readonly recorder: Recorder;
  /** Hands over what has come together. */
  flush(): void;
  close(): void;
}

/** Text that waits beyond this is written at once. */
const BUFFER_LIMIT = 1 << 20;

export function recordingHeader(
  name: string,
  image: Image,
  options: RecordingHeader['options'],
  world: unknown,
): RecordingHeader {
  const segments = recordedSegments(image);
  const sha256 = createHash('sha256').update(JSON.stringify(segments)).digest('hex');
  return { earl: 'recording', version: 1, image: { name, sha256, segments }, options, world: world ?? null };
}

/** Opens the file and begins; call it before the program is loaded. Throws `USAGE` when it cannot be written. */
export function startRecording(path: string, board: Board, header: RecordingHeader): RecordingFile {
  let file: number;
  try {
    file = openSync(path, 'w');
  } catch (error) {
    throw new EarlError('USAGE', `cannot write ${path}: ${errorMessage(error)}`, { cause: error });
  }
  let text = '';
  const flush = () => {
    const bytes = Buffer.from(text, 'utf8');
    text = '';
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  };
  const recorder = new Recorder(board, header, (line) => {
    text += `${line}\n`;
    if (text.length > BUFFER_LIMIT) flush();
  });
  return {
    recorder,
    flush,
    close: () => {
      recorder.finish();
      flush();
      closeSync(file);
    },
  };
}

/** Throws `USAGE` when there is no such file, `RECORDING_DAMAGED` when it is no recording. */
export function readRecording(path: string): Recording {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new EarlError('USAGE', `cannot read ${path}: ${errorMessage(error)}`, { cause: error });
  }
  const recording = parseRecording(text);
  const { segments, sha256 } = recording.header.image;
  // A program that records need not compute it.
  if (sha256 !== '' && createHash('sha256').update(JSON.stringify(segments)).digest('hex') !== sha256) {
    throw new EarlError('RECORDING_DAMAGED', `${path}: the image does not have the sum that the recording names`);
  }
  return recording;
}

/** Compares the lines of a replay with those of its recording as they come. */
export class Comparison {
  private readonly expected: readonly string[];
  private count = 0;
  /** What differs first, for people. */
  difference: string | undefined;

  constructor({ lines }: Recording) {
    this.expected = lines;
  }

  add(line: string): void {
    const expected = this.expected[this.count++];
    if (line === expected || this.difference !== undefined) return;
    this.difference = `line ${this.count}:\n  recorded ${shortened(expected)}\n  replayed ${shortened(line)}`;
  }

  /** A sentence; `difference` is set when it is a bad one. */
  finish(): string {
    if (this.count < this.expected.length) {
      this.difference ??= `the replay ends after line ${this.count} of ${this.expected.length}`;
    }
    if (this.difference !== undefined) return `the replay differs from the recording, ${this.difference}`;
    return `the replay is the recording: ${this.count} lines, byte for byte`;
  }
}

function shortened(line: string | undefined): string {
  if (line === undefined) return '(nothing)';
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
