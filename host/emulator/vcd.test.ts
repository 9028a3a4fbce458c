import { describe, expect, it } from 'vitest';
import { Board } from './board.ts';
import { imageFromWords } from './image/words.ts';
import { VcdRecorder, VcdWriter } from './vcd.ts';

interface Dump {
  readonly names: Map<string, string>;
  /** By name: time in steps and value, initial values first. */
  readonly changes: Map<string, [number, string][]>;
  readonly end: number;
}

/** A strict reader: it takes what the standard says and nothing else. */
function parse(text: string): Dump {
  const [header, body] = text.split('$enddefinitions $end\n');
  expect(header).toMatch(/^\$version [^$]+\$end\n\$comment [^$]*\$end\n\$timescale 100 ns \$end\n/);
  const names = new Map<string, string>();
  const changes = new Map<string, [number, string][]>();
  const path: string[] = [];
  for (const line of header!.split('\n').slice(3, -1)) {
    const variable = /^\$var (wire 1|reg \d+|real 64) ([!-~]+) (\S+)( \[\d+:0\])? \$end$/.exec(line);
    const scope = /^\$scope module (\w+) \$end$/.exec(line);
    if (variable) {
      expect(names.has(variable[2]!)).toBe(false);
      const name = [...path, variable[3]].join('.');
      names.set(variable[2]!, name);
      changes.set(name, []);
    } else if (scope) path.push(scope[1]!);
    else {
      expect(line).toBe('$upscope $end');
      path.pop();
    }
  }
  expect(path).toEqual([]);
  let now = -1;
  for (const line of body!.trimEnd().split('\n')) {
    const value = /^(?:([01])|([br]\S+) )([!-~]+)$/.exec(line);
    if (/^#\d+$/.test(line)) {
      expect(Number(line.slice(1))).toBeGreaterThan(now);
      now = Number(line.slice(1));
    } else if (value && names.has(value[3]!)) {
      changes.get(names.get(value[3]!)!)!.push([now, (value[1] ?? value[2])!]);
    } else expect(['$dumpvars', '$end']).toContain(line);
  }
  return { names, changes, end: now };
}

describe('writer', () => {
  it('writes what is left of a step, in order', () => {
    let text = '';
    const writer = new VcdWriter((part) => {
      text += part;
    });
    const a = writer.declare('top', 'a', 1, 0);
    const b = writer.declare('top.inner', 'b', 4, 5);
    const c = writer.declare('top', 'c', 0, 0.25);
    writer.begin('test of $end');
    a(1, 1e-6);
    a(0, 1.00000001e-6);
    b(15, 2e-6);
    c(0.5, 2e-6);
    a(1, 3e-6);
    a(1, 4e-6);
    writer.end(5e-6);
    const dump = parse(text);
    expect(dump.changes.get('top.a')).toEqual([
      [0, '0'],
      [30, '1'],
    ]);
    expect(dump.changes.get('top.inner.b')).toEqual([
      [0, 'b101'],
      [20, 'b1111'],
    ]);
    expect(dump.changes.get('top.c')).toEqual([
      [0, 'r0.25'],
      [20, 'r0.5'],
    ]);
    expect(dump.end).toBe(51);
  });

  it('has an identifier for each of many variables', () => {
    let text = '';
    const writer = new VcdWriter((part) => {
      text += part;
    });
    for (let index = 0; index < 10_000; index++) writer.declare('top', `v${index}`, 1, 0);
    writer.begin('');
    writer.end(1);
    expect(parse(text).names.size).toBe(10_000);
  });
});

describe('board', () => {
  it('shows pins, LEDs and the sleep of the CPU', () => {
    // Stop the watchdog; P1DIR = 1; P1OUT = 1; P1OUT = 0; LPM4.
    const words = [0x40b2, 0x5a80, 0x0120, 0x43d2, 0x0022, 0x43d2, 0x0021, 0x43c2, 0x0021, 0xd032, 0x00f0];
    let text = '';
    const board = new Board({ alive: false });
    const recorder = new VcdRecorder(
      board,
      (part) => {
        text += part;
      },
      'blink',
    );
    board.load(imageFromWords(words));
    const { frequencyHz } = board.mcu.scheduler;
    board.runFor(0.001);
    recorder.stop();
    const { changes, end } = parse(text);
    // The reset takes 4 cycles, the moves 5, 4, 4 and 4; accesses are at an instruction's end.
    const at = (cycles: number) => Math.round((cycles / frequencyHz) * 1e7);
    expect(changes.get('board.pins.P1_0')).toEqual([
      [0, '0'],
      [at(17), '1'],
      [at(21), '0'],
    ]);
    expect(changes.get('board.lights.led1')).toEqual([
      [0, 'r0'],
      [at(17), 'r1'],
      [at(21), 'r0'],
    ]);
    expect(changes.get('board.cpu.asleep')).toEqual([
      [0, '0'],
      [at(23), '1'],
    ]);
    expect(changes.get('board.cpu.SCG1')).toEqual(changes.get('board.cpu.asleep'));
    expect(end).toBe(Math.round(board.seconds * 1e7) + 1);
  });
});
