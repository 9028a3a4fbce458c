/**
 * The package as a user gets it: packed, unpacked into a project outside of this folder, and used from there.
 *
 * dist/ is built into a folder of the test, so that it neither disturbs nor trusts the one of the checkout. The project's
 * only dependency that the emulator needs is linked, not fetched.
 */

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'earl-package-'));
const project = join(folder, 'project');
const installed = join(project, 'node_modules/earl-toolkit');

/** A program of somebody who knows the documentation only, in an environment of nothing but ECMAScript. */
const consumer = `import { Board, EarlError, type I2cDevice, type Image, loadImage, type Pin, type TraceEvent } from 'earl-toolkit/emulator';
import { encodeMessage, type Message } from 'earl-toolkit/link';
import { parseClientMessage } from 'earl-toolkit/protocol';

class Register implements I2cDevice {
  readonly address = 0x20;
  private value = 0;
  start(): boolean { return true; }
  write(byte: number): boolean { this.value = byte; return true; }
  read(): number { return this.value; }
  stop(): void {}
}

export function run(bytes: Uint8Array): 0 | 1 {
  const image: Image = loadImage(bytes);
  const board = new Board({ image, alive: false });
  const detach: () => void = board.attachI2c(new Register());
  const off: () => void = board.tracer.add((event: TraceEvent & { t: number }) => { if (event.kind === 'i2c') event.read.length; }, ['i2c']);
  board.runFor(1);
  off();
  detach();
  const pin: Pin = board.pin('P1.0');
  const message: Message = { name: 'ping' };
  board.uart.send(encodeMessage(message).payload);
  if (typeof parseClientMessage !== 'function') throw new EarlError('USAGE', 'no parser');
  // @ts-expect-error: a level is 0 or 1
  const wrong: 2 = pin.level;
  void wrong;
  return pin.level;
}
`;

function run(command: string, args: readonly string[], cwd: string): SpawnSyncReturns<string> {
  const done = spawnSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } });
  expect(done.status, `${command} ${args.join(' ')}: ${done.error ?? ''}${done.stdout}${done.stderr}`).toBe(0);
  return done;
}

beforeAll(() => {
  const staging = join(folder, 'staging');
  for (const path of ['package.json', 'LICENSE', 'README.md', 'host/cli/earl.js', 'firmware/dist']) {
    mkdirSync(dirname(join(staging, path)), { recursive: true });
    cpSync(join(root, path), join(staging, path), { recursive: true });
  }
  run(process.execPath, [join(root, 'tools/build.mjs'), join(staging, 'dist')], root);
  run('npm', ['pack', '--ignore-scripts', '--offline', '--pack-destination', folder], staging);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  expect(tarball).toMatch(/^earl-toolkit-/);
  mkdirSync(installed, { recursive: true });
  run('tar', ['-xzf', join(folder, tarball!), '-C', installed, '--strip-components=1'], folder);
  symlinkSync(join(root, 'node_modules/nrf-intel-hex'), join(project, 'node_modules/nrf-intel-hex'));
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the packed package', () => {
  it('runs the example of at most 30 lines: an I2C part of one’s own, a second, the pins', () => {
    const example = join(root, 'examples/own-i2c-device.mjs');
    expect(readFileSync(example, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(30);
    cpSync(example, join(project, 'own-i2c-device.mjs'));
    const { stdout } = run(process.execPath, ['own-i2c-device.mjs'], project);
    expect(stdout).toMatch(/i2c 53 \[ 229 \]/); // the firmware asked our part who it is
    expect(stdout.match(/i2c 53 \[ 0, 1, 0, 0, 0, 0 \]/g)?.length).toBeGreaterThanOrEqual(2); // and took its samples
    expect(stdout).toMatch(/P1\.0 [01]\nP1\.6 1\nP1\.7 1\nP2\.1 0\n$/);
  });

  it.each(['nodenext', 'bundler'])('has types that a strict program compiles with, %s', (moduleResolution) => {
    writeFileSync(join(project, 'consumer.ts'), consumer);
    const compilerOptions = {
      ...{ strict: true, noEmit: true, skipLibCheck: false, target: 'ES2022', lib: ['ES2022'], types: [] },
      ...{ module: moduleResolution === 'bundler' ? 'esnext' : 'nodenext', moduleResolution },
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
    run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'], project);
  });

  it('has declarations that refer to published files only', () => {
    const broken: string[] = [];
    let references = 0;
    for (const file of readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.d.ts')) continue;
      const path = join(installed, 'dist', file);
      for (const [, name] of readFileSync(path, 'utf8').matchAll(/(?:from|import\()\s*['"](\.[^'"]+)['"]/g)) {
        references++;
        const target = join(dirname(path), name!);
        const declaration = target.replace(/\.js$/, '.d.ts');
        if (declaration === target || !existsSync(target) || !existsSync(declaration)) broken.push(`${file}: ${name}`);
      }
    }
    expect(broken).toEqual([]);
    expect(references).toBeGreaterThan(100);
  });

  it('has an emulator that bundles for a browser without Node', async () => {
    const { outputFiles } = await build({
      stdin: { contents: "export { Board, loadImage } from 'earl-toolkit/emulator';", resolveDir: project },
      ...{ bundle: true, write: false, format: 'esm', platform: 'browser', target: 'es2022', logLevel: 'silent' },
    });
    expect(outputFiles[0]!.text).not.toMatch(/\b(?:from|require\()\s*["']node:/);
  });
});
