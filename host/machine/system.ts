/**
 * The machine as the checks see it: files, programs and ports behind one interface, so that each check can be tested with
 * the literal contents of a machine that nobody has. Nothing here changes anything.
 */

import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, userInfo } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface System {
  readonly platform: NodeJS.Platform;
  /** As `process.version`, without the `v`. */
  readonly nodeVersion: string;
  /** The node that runs this. */
  readonly nodePath: string;
  readonly user: string;
  /** 0 is root; -1 where users have no number. */
  readonly uid: number;
  readonly home: string;
  /** The folder that holds Earl's package.json. */
  readonly packageRoot: string;
  /** `undefined` when there is no such file, or it may not be read. */
  readBytes(path: string): Promise<Uint8Array | undefined>;
  readText(path: string): Promise<string | undefined>;
  /** Names in a folder; empty when there is no such folder. */
  list(path: string): Promise<string[]>;
  /** `undefined` when there is no such file. */
  mayReadAndWrite(path: string): Promise<boolean | undefined>;
  /** The path of a program on PATH or at an absolute path, links resolved; `undefined` when it is not there. */
  find(program: string): Promise<string | undefined>;
  /** Runs a program for at most five seconds; `undefined` when it cannot be started. */
  run(program: string, args: readonly string[]): Promise<RunResult | undefined>;
  /** Whether a server could listen on this port of 127.0.0.1. */
  portIsFree(port: number): Promise<boolean>;
}

const RUN_TIMEOUT_MS = 5000;
const MAX_OUTPUT_BYTES = 1 << 20;

export function realSystem(packageRoot: string): System {
  const readBytes = (path: string) => readFile(path).catch(() => undefined);
  return {
    platform: process.platform,
    nodeVersion: process.versions.node,
    nodePath: process.execPath,
    user: userInfo().username,
    uid: process.getuid?.() ?? -1,
    home: homedir(),
    packageRoot,
    readBytes,
    readText: async (path) => (await readBytes(path))?.toString('utf8'),
    list: (path) => readdir(path).catch(() => []),
    mayReadAndWrite,
    find,
    run,
    portIsFree,
  };
}

async function mayReadAndWrite(path: string): Promise<boolean | undefined> {
  if ((await stat(path).catch(() => undefined)) === undefined) return undefined;
  return access(path, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
}

async function find(program: string): Promise<string | undefined> {
  const folders = isAbsolute(program) ? [''] : (process.env.PATH ?? '').split(delimiter).filter((part) => part !== '');
  for (const folder of folders) {
    const path = folder === '' ? program : join(folder, program);
    const runnable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runnable) return realpath(path);
  }
  return undefined;
}

function run(program: string, args: readonly string[]): Promise<RunResult | undefined> {
  return new Promise((resolve) => {
    const options = { timeout: RUN_TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES, env: { ...process.env, LC_ALL: 'C' } };
    execFile(program, args, options, (error, stdout, stderr) => {
      // A string says why it did not start, a number is what it ended with; killed by the timeout it has neither.
      if (error && typeof error.code !== 'number') resolve(undefined);
      else resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    }).stdin?.end();
  });
}

function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
