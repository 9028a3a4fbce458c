/**
 * `earl flash`: writes a program to a board, verifies it, and gives the board its id and its key.
 *
 * stderr: progress and notes; stdout: the result. A board is only reported as flashed when every byte was read back.
 */

import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { defaultStateFolder, makePlan, readInfoFile, vectorBlock } from '../flash/index.ts';
import { formatId, probeKinds } from '../link/index.ts';
import { ProbeStore } from '../probes/index.ts';
import { readImage } from '../transport/firmware-image.ts';
import { type IdentityFlags, identityChoice, parseIdChoice, parseKeyChoice, storeIdentity } from './flash-identity.ts';
import { FlashProgress } from './flash-progress.ts';
import { chooseRunner } from './flash-target.ts';

interface FlashFlags extends IdentityFlags {
  runner?: string;
  port?: string;
  json?: true;
  onChip?: string;
  password?: string;
  massErase?: true;
  calibration?: string;
  loseCalibration?: true;
  infoA?: true;
  invertReset?: true;
  invertTest?: true;
  swapLines?: true;
  baud?: number;
  resume: boolean;
}

const PASSWORD_LENGTH = 32;

const examples = `
IMAGE is a kind of probe (ball, arm, light, led_test) or a file: ELF, Intel HEX, TI-TXT or TI COFF.

Runners:
  mspdebug:rf2500           MSP-EXP430G2 LaunchPad; mspdebug:tilib for the newer MSP-EXP430G2ET
  mspdebug:gdbc:HOST:PORT   a GDB stub, e.g. that of earl emulate --gdb PORT
  bsl:PORT                  boot loader in the chip's ROM: a serial port, or rfc2217://HOST:PORT
  emu:NAME                  an emulated board in this process, for tests

Examples:
  $ earl flash ball
      the LaunchPad that is connected; with two of them it asks which
  $ earl flash ball --runner bsl:/dev/ttyUSB0 --on-chip led_test --invert-reset
      by the boot loader of a chip that holds led_test now, DTR of the adapter wired to RST
  $ earl emulate led_test --rfc2217 4000 &
  $ earl flash ball --runner bsl:rfc2217://127.0.0.1:4000 --on-chip led_test

A board keeps the id that it has; one without gets a new one. With the id it gets a secret key, by which it proves over the
air that it is the probe it says (docs/security.md); a key that this machine knows is kept. Id and key are known here then:
earl probes list.

A flash that was interrupted is repaired by running it again. docs/flashing.md has the wiring and the rest.`;

export function flashCommand(): Command {
  return new Command('flash')
    .description('Write a program to a board and verify it')
    .argument('<image>', 'kind of probe, or a program file')
    .option('--runner <how>', 'mspdebug:DRIVER, bsl:PORT or emu:NAME; default: the only LaunchPad')
    .option('--port <port>', 'which LaunchPad: its serial port or serial number')
    .option('--id <id>', "16 hex digits, random, or keep; default: the board's, or a new one", parseIdChoice)
    .option('--key <key>', '32 hex digits, random, or none; default: the known one, or a new one', parseKeyChoice)
    .option('--json', 'write progress and result as JSON lines')
    .option('--info-a', "let the image overwrite info A, the chip's calibration")
    .optionsGroup('Boot loader:')
    .option('--on-chip <image>', 'program that is on the chip now: its vectors are the password')
    .option('--password <file>', 'password: 32 bytes, or 64 hex digits')
    .option('--mass-erase', 'erase everything first, info memory too')
    .option('--calibration <file>', 'info memory that an earlier flash saved, for a chip that lost it')
    .option('--lose-calibration', 'with --mass-erase: the calibration in info A may be lost')
    .option('--invert-reset', 'DTR asserted pulls RST low (a bare USB adapter)')
    .option('--invert-test', 'RTS asserted pulls TEST high')
    .option('--swap-lines', 'RST is on RTS and TEST on DTR')
    .option('--baud <rate>', '9600, 19200 or 38400', parseBaud)
    .option('--no-resume', 'take no notice of an earlier flash of this port that was interrupted')
    .addHelpText('after', examples)
    .action(run);
}

async function run(name: string, flags: FlashFlags): Promise<void> {
  const json = flags.json === true;
  const store = new ProbeStore();
  const plan = makePlan(readImage(name), { identity: identityChoice(flags, store), infoA: flags.infoA === true });
  const password = passwordOf(flags);
  const runner = await chooseRunner(flags, {
    stateFolder: defaultStateFolder(),
    ...(password && { password }),
    ...(flags.calibration !== undefined && { calibration: readInfoFile(flags.calibration) }),
    ...(flags.baud !== undefined && { baud: flags.baud }),
    massErase: flags.massErase === true,
    loseCalibration: flags.loseCalibration === true,
    invertReset: flags.invertReset === true,
    invertTest: flags.invertTest === true,
    swapLines: flags.swapLines === true,
    resume: flags.resume,
  });
  const progress = new FlashProgress({
    json,
    isTty: process.stderr.isTTY === true,
    now: () => performance.now(),
    err: (text) => process.stderr.write(text),
    out: (text) => process.stdout.write(text),
  });
  for (const warning of plan.warnings) progress.onNotice(warning);
  if (flags.massErase) progress.onNotice('everything on the chip is erased, its id and its calibration too');
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  const startedAt = performance.now();
  const flashed = await runner.flash(plan, progress, interrupted.signal).finally(() => progress.end());
  const { record, ...result } = flashed;
  const note = record && storeIdentity(store, record, kindOf(name));
  if (note !== undefined) progress.onNotice(note);
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
  const identity = record && { id: formatId(record.id), hasKey: record.key !== undefined };
  const done = { kind: 'flashed', image: name, runner: runner.name, ...result, ...identity, seconds };
  if (json) console.log(JSON.stringify(done));
  else {
    console.log(`${name}: ${result.bytes} bytes written and verified in ${seconds} s (${result.target})`);
    if (identity) console.log(`id: ${identity.id}${identity.hasKey ? `, key known in ${store.folder}` : ', no key'}`);
    if (result.backup) console.error(`info memory as it was: ${result.backup}`);
  }
}

function passwordOf({ onChip, password }: FlashFlags): Uint8Array | undefined {
  if (onChip !== undefined && password !== undefined)
    throw new EarlError('USAGE', 'give --on-chip or --password, not both');
  if (onChip !== undefined) return vectorBlock(makePlan(readImage(onChip), { infoA: true })).data;
  return password === undefined ? undefined : readPassword(password);
}

/** 32 bytes as they are, or as hex digits with or without blanks. Throws `USAGE`. */
function readPassword(file: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(readFileSync(file));
  } catch (error) {
    throw new EarlError('USAGE', `the password cannot be read: ${errorMessage(error)}`, { cause: error });
  }
  if (bytes.length === PASSWORD_LENGTH) return bytes;
  const digits = Buffer.from(bytes).toString('latin1').replace(/\s+/g, '');
  if (/^[0-9a-f]{64}$/i.test(digits)) return new Uint8Array(Buffer.from(digits, 'hex'));
  throw new EarlError(
    'USAGE',
    `${file} is no password: 32 bytes, or 64 hex digits, of 0xffe0-0xffff; an image goes with --on-chip`,
  );
}

/** The kind of probe, when the image was named by it. */
function kindOf(name: string): string {
  return Object.hasOwn(probeKinds, name) ? name : '';
}

function parseBaud(text: string): number {
  if (['9600', '19200', '38400'].includes(text)) return Number(text);
  throw new InvalidArgumentError('The boot loader runs at 9600, 19200 or 38400 baud.');
}
