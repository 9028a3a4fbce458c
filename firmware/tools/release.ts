/**
 * The released images in dist/ and their manifest.
 *
 *   release.ts write|check --compiler "VERSION LINE" --flags "FLAGS" IMAGE.elf ...
 *
 * `write` copies the images' .hex files to dist/ and writes dist/manifest.json. `check` compares fresh images with the
 * released ones byte for byte, if they were built by the same compiler; otherwise it says that it did not compare.
 * No dates and no paths: the same sources and compiler give the same files.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { readImage, reportOf } from './image.ts';

interface ManifestEntry {
  readonly file: string;
  readonly sha256: string;
  readonly flashBytes: number;
  readonly ramBytes: number;
  readonly stackBytes: number;
}

interface Manifest {
  readonly firmwareVersion: string;
  readonly chip: string;
  readonly compiler: string;
  readonly flags: string;
  readonly images: Readonly<Record<string, ManifestEntry>>;
}

const firmware = dirname(dirname(process.argv[1] ?? ''));
const dist = join(firmware, 'dist');
const manifestPath = join(dist, 'manifest.json');

function firmwareVersion(): string {
  const header = readFileSync(join(firmware, 'link/version.h'), 'utf8');
  const part = (name: string) => {
    const match = new RegExp(`FIRMWARE_VERSION_${name}\\s+(\\d+)`).exec(header);
    if (!match?.[1]) throw new Error(`link/version.h does not define FIRMWARE_VERSION_${name}`);
    return match[1];
  };
  return `${part('MAJOR')}.${part('MINOR')}.${part('PATCH')}`;
}

const hexPath = (elf: string) => elf.replace(/\.elf$/, '.hex');

function entryOf(elf: string): ManifestEntry {
  const { flash, ram, stack } = reportOf(readImage(elf));
  return {
    file: basename(hexPath(elf)),
    sha256: createHash('sha256')
      .update(readFileSync(hexPath(elf)))
      .digest('hex'),
    flashBytes: flash,
    ramBytes: ram,
    stackBytes: stack.main + stack.interrupt,
  };
}

function write(compiler: string, flags: string, images: readonly string[]): void {
  mkdirSync(dist, { recursive: true });
  const entries = images.map((elf) => [basename(elf, '.elf'), entryOf(elf)] as const);
  for (const elf of images) writeFileSync(join(dist, basename(hexPath(elf))), readFileSync(hexPath(elf)));
  const manifest: Manifest = {
    firmwareVersion: firmwareVersion(),
    chip: 'MSP430G2553',
    compiler,
    flags,
    images: Object.fromEntries(entries),
  };
  writeFileSync(manifestPath, `${JSON.stringify(manifest, null, 2)}\n`);
  console.log(`wrote ${images.length} images and ${basename(manifestPath)} to firmware/dist`);
}

/** What differs between dist/ and its own manifest: independent of any compiler. */
function damaged(manifest: Manifest): string[] {
  return Object.values(manifest.images).flatMap(({ file, sha256 }) => {
    const path = join(dist, file);
    if (!existsSync(path)) return [`dist/${file} is missing`];
    const actual = createHash('sha256').update(readFileSync(path)).digest('hex');
    return actual === sha256 ? [] : [`dist/${file} is not the file of the manifest`];
  });
}

function check(compiler: string, flags: string, images: readonly string[]): void {
  if (!existsSync(manifestPath)) throw new Error('there is no firmware/dist/manifest.json: run make release');
  const manifest = JSON.parse(readFileSync(manifestPath, 'utf8')) as Manifest;
  const problems = damaged(manifest);
  if (compiler !== manifest.compiler) {
    console.log(`NOT compared: dist/ was built by "${manifest.compiler}", here is "${compiler || 'no GCC'}"`);
  } else {
    problems.push(...differences(manifest, flags, images));
    if (problems.length === 0) console.log(`dist/ is byte for byte what ${compiler} builds from these sources`);
  }
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}

function differences(manifest: Manifest, flags: string, images: readonly string[]): string[] {
  const problems = flags === manifest.flags ? [] : ['the compiler flags are not those of the manifest'];
  if (firmwareVersion() !== manifest.firmwareVersion)
    problems.push('link/version.h is not the version of the manifest');
  const names = images.map((elf) => basename(elf, '.elf'));
  for (const name of Object.keys(manifest.images))
    if (!names.includes(name)) problems.push(`dist/${name}.hex is released, but its source is gone`);
  for (const elf of images) {
    const released = manifest.images[basename(elf, '.elf')];
    if (!released) problems.push(`${basename(elf, '.elf')} is not released`);
    else if (released.sha256 !== entryOf(elf).sha256)
      problems.push(`dist/${released.file} is not what these sources give`);
  }
  return problems.length === 0 ? [] : [...problems, 'run make release and commit firmware/dist'];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { compiler: { type: 'string', default: '' }, flags: { type: 'string', default: '' } },
});
const [action, ...images] = positionals;
if (action === 'write') write(values.compiler, values.flags, images);
else if (action === 'check') check(values.compiler, values.flags, images);
else throw new Error('usage: release.ts write|check --compiler TEXT --flags TEXT IMAGE.elf ...');
