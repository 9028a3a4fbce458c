/** `earl fleet` as a command, on the test's own thread, and what a probe of a fleet takes of the heap. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Fleet } from '../emulator/fleet.ts';
import { readImage } from '../transport/firmware-image.ts';
import { exitCodes } from './exit-codes.ts';
import { fleetCommand } from './fleet.ts';

let printed: string[];
let said: string[];
beforeEach(() => {
  printed = [];
  said = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
  vi.spyOn(console, 'error').mockImplementation((line: string) => void said.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

const fleet = (text: string) =>
  fleetCommand()
    .exitOverride()
    .configureOutput({ writeErr: (line) => void said.push(line) })
    .parseAsync(text.split(' '), { from: 'user' });

describe('earl fleet', () => {
  it('prints probes, realtime factor, MIPS and memory on the last line, and what was received before', async () => {
    await fleet('--count 5 --image light --for 2s --warm-up 2s --threads 1 --speed max --json');
    const [parameters, result] = printed.map((line) => JSON.parse(line) as Record<string, number>);
    expect(printed).toHaveLength(2);
    expect(Object.keys(result!)).toEqual(['count', 'realtime_factor', 'mips', 'kb_per_probe']);
    expect(result!.count).toBe(5);
    expect(result!.realtime_factor).toBeGreaterThan(0);
    expect(result!.mips).toBeGreaterThan(0);
    expect(parameters).toMatchObject({ image: 'light', seconds: 2, threads: 1, received_probes: 5, bad_frames: 0 });
    expect(parameters!.samples_per_probe_second).toBeGreaterThanOrEqual(3);
    expect(parameters!.samples_per_probe_second).toBeLessThanOrEqual(5);
    expect(parameters!.instructions_per_probe_second).toBeGreaterThan(1000);
    expect(process.exitCode).toBeUndefined();
  });

  it('says the same to people', async () => {
    await fleet('--count 2 --for 1s --warm-up 2s --threads 1 --speed max');
    expect(printed[0]).toMatch(/^2 probes, realtime factor [\d.]+, [\d.]+ million instructions\/s$/);
    expect(printed[1]).toMatch(/^-?[\d.]+ KB of memory each; threads busy [\d.]+$/);
    expect(printed[2]).toMatch(/^[\d.]+ samples\/s from each of 2 probes that were received, 0 bad frames$/);
  });

  it('says that it fell behind, and fails, when it did', async () => {
    // Sixty thousand probe seconds in a second are more than any machine does.
    await fleet('--count 60 --for 2s --warm-up 1s --threads 1 --speed 1000 --json');
    const result = JSON.parse(printed.at(-1)!) as Record<string, number>;
    expect(result.realtime_factor).toBeLessThan(990);
    expect(said.at(-1)).toBe(`earl: the fleet fell behind: realtime factor ${result.realtime_factor}, asked for 1000`);
    expect(process.exitCode).toBe(exitCodes.failure);
  });

  it('does not count a program as a fleet that sends no samples', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'earl-fleet-'));
    try {
      // MOV #0x5A80,&WDTCTL; BIS #0xF0,SR: asleep for ever.
      const file = join(folder, 'asleep.txt');
      writeFileSync(file, '@C000\nB2 40 80 5A 20 01 32 D0 F0 00 FF 3F\n@FFFE\n00 C0\nq\n');
      await fleet(`--count 2 --image ${file} --for 1s --warm-up 1s --threads 1 --speed max`);
      expect(said.at(-1)).toBe('earl: 0 samples and 0 bad frames: this is not the firmware');
      expect(process.exitCode).toBe(exitCodes.failure);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['--count 0', 'Give a whole number from 1 to 1000000.'],
    ['--count 10 --threads 0', 'Give "auto" or a number from 1 to 64.'],
    ['--count 10 --speed fast', 'Give "max" or a number from 0.001 to 1000.'],
    ['--image light', "required option '--count <number>' not specified"],
  ])('refuses %s', async (text, message) => {
    await expect(fleet(text)).rejects.toThrow(message);
  });
});

describe('a probe of a fleet', () => {
  it('takes less than 34 KB of heap, its share of the code included', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const image = readImage('light');
    const count = 300;
    const booted = () => {
      const made = new Fleet({ image, count });
      made.runUntil(1);
      return made;
    };
    // Code is compiled once, for the first fleet.
    booted();
    collect();
    const before = process.memoryUsage().heapUsed;
    const made = booted();
    collect();
    expect((process.memoryUsage().heapUsed - before) / 1024 / count).toBeLessThan(34);
    expect(made.bytes).toBeGreaterThan(count);
  }, 60_000);
});
