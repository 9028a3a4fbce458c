import { describe, expect, it } from 'vitest';
import { Board } from './board.ts';
import { imageFromWords } from './image/words.ts';
import { parseRecording, Recorder, type RecordingHeader, recordedImage, recordedSegments, replay } from './record.ts';
import { seededRandom } from './world.ts';

/**
 * Echoes the UART at 9600 baud from the calibrated 1 MHz, P1.0 toggles with each byte; LPM0 in between.
 * C000 stop the watchdog, SP; DCO 1 MHz; P1SEL, P1SEL2 = 6; P1DIR = 1
 */
const echo = imageFromWords(
  [
    ...[0x40b2, 0x5a80, 0x0120, 0x4031, 0x0400],
    ...[0x42d2, 0x10ff, 0x0057, 0x42d2, 0x10fe, 0x0056],
    ...[0x40f2, 0x0006, 0x0026, 0x40f2, 0x0006, 0x0041, 0x43d2, 0x0022],
    // UCA0CTL1 = SSEL SMCLK, SWRST; BR = 104; MCTL = UCBRS 1; SWRST off; UCA0RXIE; LPM0
    ...[0x40f2, 0x0081, 0x0061, 0x40f2, 0x0068, 0x0062, 0x43c2, 0x0063, 0x40f2, 0x0002, 0x0064],
    ...[0xc3d2, 0x0061, 0xd3d2, 0x0001, 0xd032, 0x0018, 0x3ffd],
    // C04A handler: MOV.B &UCA0RXBUF,&UCA0TXBUF; XOR.B #1,&P1OUT; RETI
    ...[0x42d2, 0x0066, 0x0067, 0xe3d2, 0x0021, 0x1300],
  ],
  { vectors: { 7: 0xc04a } },
);

const header = (image = echo): RecordingHeader => ({
  earl: 'recording',
  version: 1,
  image: { name: 'echo', sha256: 'of no matter here', segments: recordedSegments(image) },
  options: { id: null, seed: 5, baud: 9600, alive: true },
  world: null,
});

/** A board that is recorded while `happen` does things to it. */
function record(happen: (board: Board, recorder: Recorder) => void): string {
  const lines: string[] = [];
  const board = new Board({ seed: 5 });
  const recorder = new Recorder(board, header(), (line) => lines.push(line));
  board.load(echo);
  happen(board, recorder);
  recorder.finish();
  return `${lines.join('\n')}\n`;
}

function again(text: string): string {
  const recording = parseRecording(text);
  const lines: string[] = [];
  const { seed, baud, alive } = recording.header.options;
  const board = new Board({ seed, baud, alive });
  const recorder = new Recorder(board, recording.header, (line) => lines.push(line));
  board.load(recordedImage(recording.header));
  for (const _ of replay(recording, board, recorder));
  recorder.finish();
  return `${lines.join('\n')}\n`;
}

describe('a recording', () => {
  it('replays byte for byte, with inputs at any time and runs of any length', () => {
    const random = seededRandom(42);
    const text = record((board, recorder) => {
      for (let round = 0; round < 60; round++) {
        board.runFor(random() * 0.02);
        const bytes = Array.from({ length: 1 + Math.floor(random() * 5) }, () => Math.floor(random() * 256));
        recorder.input({ uart: bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('') });
        if (round === 20) recorder.input({ uartNoise: { rate: 0.02, seed: 9 }, lux: 12 });
        if (round === 40) recorder.input({ button: 'press', reset: true });
      }
      board.runFor(0.5);
    });
    const events = text.split('\n').filter((line) => line.includes('"dir":"tx"'));
    expect(events.length).toBeGreaterThan(100);
    expect(text).toContain('"input":{"button":"press","reset":true}');
    expect(again(text)).toBe(text);
  });

  it('is another one with another input', () => {
    const run = (byte: string) =>
      record((board, recorder) => {
        board.runFor(0.01);
        recorder.input({ uart: byte });
        board.runFor(0.01);
      });
    expect(run('41')).toBe(run('41'));
    expect(run('41')).not.toBe(run('42'));
  });

  it('holds no input that could not be', () => {
    const text = record((board, recorder) => {
      board.runFor(0.01);
      expect(() => recorder.input({ uart: '00'.repeat(70_000) })).toThrowError(/would wait/);
      expect(() => recorder.input({ rain: 1 })).toThrowError(/rain/);
    });
    expect(parseRecording(text).inputs).toEqual([]);
  });

  it.each([
    ['', 'line 1: this is no recording'],
    ['{"a":1}\n', 'line 1: this is no recording'],
    ['{"earl":"recording","version":2}\n', 'version 2 is not known'],
    ['{"earl":"recording","version":1}\n', 'cut off'],
    ['{"earl":"recording","version":1}\n{"t":\n', 'line 2: this is no JSON object'],
    ['{"earl":"recording","version":1}\n{"end":{}}\n', 'lacks the image'],
    ['{"earl":"recording","version":1}\n{"input":{}}\n{"end":{}}\n', 'line 2: an input without its cycle'],
  ])('%j is damaged', (text, hint) => {
    expect(() => parseRecording(text)).toThrowError(
      expect.objectContaining({ code: 'RECORDING_DAMAGED', message: expect.stringContaining(hint) }),
    );
  });
});
