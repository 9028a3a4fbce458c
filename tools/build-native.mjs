// Compiles cloud/native into dist/cloud/native/<platform>-<arch>.node, when it is not newer than its sources already.
// Without a C compiler, or elsewhere than on Linux, says so in one line: the cloud then serves sockets by `ws`. What was
// compiled from older sources is removed then: it would not do what the JavaScript beside it expects.
// By itself: node tools/build-native.mjs [OUTPUT FOLDER]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const sources = join(root, 'cloud/native');
const headers = join(root, 'node_modules/node-api-headers/include');

export const nativeFlags = [
  '-std=c11',
  '-D_GNU_SOURCE',
  '-O3',
  '-Wall',
  '-Wextra',
  '-Wconversion',
  '-Werror',
  '-fvisibility=hidden',
  '-fstack-protector-strong',
];

/** Whether the addon is there. */
export function buildNative(outdir = join(root, 'dist')) {
  if (process.platform !== 'linux') return left('this is not Linux');
  if (!existsSync(headers)) return left('node-api-headers is not installed');
  const output = join(outdir, 'cloud/native', `${process.platform}-${process.arch}.node`);
  const files = readdirSync(sources).filter((name) => /\.[ch]$/.test(name));
  const changedMs = Math.max(...files.map((name) => statSync(join(sources, name)).mtimeMs));
  if (existsSync(output) && statSync(output).mtimeMs > changedMs) return true;
  mkdirSync(dirname(output), { recursive: true });
  // Others may be loading the old one, or building it as well.
  const fresh = `${output}.${process.pid}`;
  const inputs = files.filter((name) => name.endsWith('.c')).map((name) => join(sources, name));
  const linking = ['-shared', '-fPIC', '-Wl,-z,relro,-z,now', '-o', fresh];
  const cc = spawnSync(process.env.CC ?? 'cc', [...nativeFlags, ...linking, '-I', headers, ...inputs], {
    encoding: 'utf8',
  });
  if (cc.status !== 0) {
    rmSync(fresh, { force: true });
    const older = existsSync(output) ? ' (what was compiled from older sources has been removed)' : '';
    rmSync(output, { force: true });
    return left(cc.error ? `there is no C compiler (cc)${older}` : `cc failed${older}\n${cc.stderr}`);
  }
  renameSync(fresh, output);
  return true;
}

function left(why) {
  console.error(`build-native: the cloud's sockets stay in JavaScript: ${why}`);
  return false;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  buildNative(process.argv[2] && resolve(process.argv[2]));
}
