/**
 * Flashing by the boot loader, so that an interruption at any moment can be repaired by running it again.
 *
 * Order: unlock, save info memory, erase main flash (the reset vector goes first, so a reset meets an empty chip and not
 * half a program), info segments that change, the program, its verification, and at last the vectors. A second run after
 * an interruption tries the password of an erased chip; where that is wrong the chip erases itself, and what was saved is
 * written back.
 */

import { EarlError } from '../../errors/index.ts';
import { Backup, isCalibrated } from './backup.ts';
import { BslClient, type BslWiring } from './bsl.ts';
import { MAX_DATA } from './bsl-frame.ts';
import type { FlashLine } from './line.ts';
import {
  type Block,
  type FlashPlan,
  flashStart,
  infoAStart,
  infoLength,
  infoSegmentLength,
  infoStart,
  plannedInfo,
  programBlocks,
  recordIn,
  vectorBlock,
} from './plan.ts';
import type { FlashListener, FlashResult, FlashRunner } from './runner.ts';

export interface BslFlashOptions extends BslWiring {
  /** 9600, 19200 or 38400. Default 9600. */
  readonly baud?: number;
  /** 32 bytes of 0xFFE0-0xFFFF as they are on the chip. */
  readonly password?: Uint8Array;
  /** Erase everything first, whatever is on the chip. */
  readonly massErase?: boolean;
  /** 256 bytes of info memory, saved earlier: its info A is written when the chip has none. */
  readonly calibration?: Uint8Array;
  /** A mass erase may take a calibration that could not be saved. */
  readonly loseCalibration?: boolean;
  /** Where backups go. */
  readonly stateFolder: string;
  /** False: do not go on with an earlier flash of this port that was interrupted. */
  readonly resume?: boolean;
}

const CHIP = '2553';
const blank = new Uint8Array(32).fill(0xff);
/** SLAA089: old chips need several erases to reach the erase time; newer ones one. */
const ERASE_ATTEMPTS = 12;
const infoA = infoAStart - infoStart;

/** @param open opens the line; called once per flash, closed at its end */
export function bslRunner(name: string, open: () => Promise<FlashLine>, options: BslFlashOptions): FlashRunner {
  return {
    name,
    flash: async (plan, listener, signal) => {
      const line = await open();
      try {
        return await new BslFlash(line, plan, options, listener, signal).run();
      } finally {
        await line.close();
      }
    },
  };
}

class BslFlash {
  private readonly line: FlashLine;
  private readonly plan: FlashPlan;
  private readonly options: BslFlashOptions;
  private readonly listener: FlashListener;
  private readonly signal: AbortSignal;
  private readonly client: BslClient;
  private readonly backup: Backup;
  private erased = false;

  constructor(
    line: FlashLine,
    plan: FlashPlan,
    options: BslFlashOptions,
    listener: FlashListener,
    signal: AbortSignal,
  ) {
    this.line = line;
    this.plan = plan;
    this.options = options;
    this.listener = listener;
    this.signal = signal;
    this.client = new BslClient(line, options);
    this.backup = new Backup(options.stateFolder, line.name);
  }

  async run(): Promise<FlashResult> {
    try {
      return await this.flash();
    } catch (error) {
      if (!this.erased) {
        // Nothing was changed: the program that is there goes on, if the line still lets it.
        await this.client.restart().catch(() => {});
        throw error;
      }
      if (!(error instanceof EarlError)) throw error;
      throw new EarlError(
        error.code,
        `${error.message}. The chip holds no complete program now; run the same command again to finish`,
        { cause: error },
      );
    }
  }

  private async flash(): Promise<FlashResult> {
    const { client, plan, options, listener } = this;
    await client.enter();
    const { chip, loader } = await client.version();
    if (chip !== CHIP) {
      throw new EarlError(
        'FLASH_WRONG_DEVICE',
        `the chip at ${this.line.name} is an MSP430 ${chip.toUpperCase()}, not the G2553 that this image is for: nothing was changed`,
      );
    }
    const known = await this.unlock();
    if (options.baud !== undefined && options.baud !== 9600) await client.changeBaud(options.baud);
    const before = known ?? (await this.readInfo());
    if (known === undefined) this.backup.begin(before);
    const now = known === undefined ? before : await this.readInfo();
    const wanted = this.wantedInfo(before, now);

    await this.eraseMain();
    await this.writeInfo(wanted, now);
    const blocks = programBlocks(plan, MAX_DATA);
    const vectors = vectorBlock(plan);
    const length = blocks.reduce((sum, { data }) => sum + data.length, 0);
    const total = length + vectors.data.length;
    await this.each('write', blocks, length, ({ address, data }) => client.write(address, data));
    await this.each('verify', blocks, total, (block) => this.verify(block));
    // From here on the chip has a reset vector, and these 32 bytes are its password.
    await client.write(vectors.address, vectors.data);
    await this.verify(vectors);
    listener.onProgress('verify', total, total);
    this.backup.end();
    await client.restart();
    const record = recordIn(wanted);
    const target = `MSP430 ${chip}, boot loader ${loader}`;
    return { bytes: total, target, backup: this.backup.infoFile, ...(record && { record }) };
  }

  // ---- unlocking

  /** Returns info memory as it was when that is known from elsewhere than the chip. */
  private async unlock(): Promise<Uint8Array | undefined> {
    const { options, listener } = this;
    const unfinished = options.resume === false ? undefined : this.backup.unfinished();
    if (unfinished) {
      listener.onNotice(
        `a flash of ${this.line.name} that began at ${unfinished.startedAt} did not end: going on with it. The chip's info ` +
          `memory of then is in ${this.backup.infoFile} (another board now? stop, and add --no-resume)`,
      );
      await this.unlockErased();
      return unfinished.info;
    }
    if (options.password) return this.unlockKnown(options.password);
    if (options.massErase) return this.unlockByErase();
    throw new EarlError(
      'FLASH_PASSWORD_NEEDED',
      'the boot loader asks for a password, the 32 bytes of the interrupt vectors on the chip, and erases everything at a ' +
        'wrong one. Say what is on it with --on-chip IMAGE (a kind or a file), give --password FILE, or erase it with ' +
        '--mass-erase',
    );
  }

  /** An erased chip has this password; one that was not has erased itself when it is wrong. */
  private async unlockErased(): Promise<void> {
    const { client, options, plan } = this;
    this.erased = true;
    if ((await client.password(blank)) || (await client.password(blank))) return;
    // It keeps its contents at a wrong password, so the others may be tried.
    this.erased = false;
    for (const password of [options.password, vectorBlock(plan).data]) {
      if (password && (await client.password(password))) return;
    }
    throw new EarlError(
      'FLASH_PASSWORD',
      'this chip keeps its contents at a wrong password (0x0000 at 0xffde), and none fits: say what is on it with --on-chip ' +
        'IMAGE, or add --mass-erase --no-resume',
    );
  }

  private async unlockKnown(password: Uint8Array): Promise<Uint8Array | undefined> {
    const { client, options } = this;
    if (!(await client.password(password))) {
      throw new EarlError(
        'FLASH_PASSWORD',
        'the password was wrong: another program is on this chip than was said. Unless 0xffde holds 0x0000 it has now erased ' +
          'itself, its calibration too: flash it with --mass-erase, and --calibration FILE if an earlier flash saved it',
      );
    }
    if (!options.massErase) return undefined;
    const info = await this.readInfo();
    this.backup.begin(info);
    await this.massErase();
    return info;
  }

  private async unlockByErase(): Promise<Uint8Array> {
    const { calibration, loseCalibration } = this.options;
    if (calibration === undefined && loseCalibration !== true) {
      throw new EarlError(
        'FLASH_CALIBRATION',
        "a mass erase takes the chip's calibration in info A, which cannot be saved without the password: give " +
          '--calibration FILE with what an earlier flash saved, or --lose-calibration if the chip may lose it',
      );
    }
    const info = calibration ?? new Uint8Array(infoLength).fill(0xff);
    this.backup.begin(info);
    await this.massErase();
    return info;
  }

  private async massErase(): Promise<void> {
    this.erased = true;
    await this.client.massErase();
    if (await this.client.password(blank)) return;
    throw new EarlError('FLASH_ERASE', 'the chip has a password after a mass erase: its flash may be worn out');
  }

  // ---- info memory

  private async readInfo(): Promise<Uint8Array> {
    const { client } = this;
    const info = new Uint8Array(infoLength);
    for (let at = 0; at < infoLength; at += infoSegmentLength) {
      info.set(await client.read(infoStart + at, infoSegmentLength), at);
    }
    return info;
  }

  /** What was there and what the plan changes. The chip's own calibration stays; a saved one is for a chip without. */
  private wantedInfo(before: Uint8Array, now: Uint8Array): Uint8Array {
    const { calibration } = this.options;
    const source = [now, before, calibration].find((info) => info !== undefined && isCalibrated(info));
    if (!source)
      this.listener.onNotice('info A holds no valid calibration: programs will find the DCO off its frequency');
    const base = before.slice();
    base.set((source ?? now).subarray(infoA), infoA);
    return plannedInfo(this.plan, base);
  }

  /** Only segments that differ are erased: info A is not among them unless it was lost or named. */
  private async writeInfo(wanted: Uint8Array, now: Uint8Array): Promise<void> {
    const { client } = this;
    for (let at = 0; at < infoLength; at += infoSegmentLength) {
      const segment = wanted.subarray(at, at + infoSegmentLength);
      const old = now.subarray(at, at + infoSegmentLength);
      if (segment.every((byte, index) => byte === old[index])) continue;
      if (!old.every((byte) => byte === 0xff)) await client.eraseSegment(infoStart + at);
      if (!segment.every((byte) => byte === 0xff)) await client.write(infoStart + at, segment);
      await this.verify({ address: infoStart + at, data: segment });
    }
  }

  // ---- main flash

  private async eraseMain(): Promise<void> {
    this.stopIfAsked();
    this.erased = true;
    const length = 0x10000 - flashStart;
    for (let attempt = 0; attempt < ERASE_ATTEMPTS; attempt++) {
      await this.client.eraseMain();
      this.listener.onProgress('erase', length, length);
      if (await this.client.isErased(flashStart, length)) return;
    }
    throw new EarlError(
      'FLASH_ERASE',
      `main flash is not empty after ${ERASE_ATTEMPTS} erases: the chip may be worn out`,
    );
  }

  private async each(
    stage: 'write' | 'verify',
    blocks: readonly Block[],
    total: number,
    act: (block: Block) => Promise<void>,
  ): Promise<void> {
    let done = 0;
    this.listener.onProgress(stage, done, total);
    for (const block of blocks) {
      this.stopIfAsked();
      await act(block);
      done += block.data.length;
      this.listener.onProgress(stage, done, total);
    }
  }

  private async verify({ address, data }: Block): Promise<void> {
    const found = await this.client.read(address, data.length);
    const wrong = found.findIndex((byte, index) => byte !== data[index]);
    if (wrong < 0) return;
    const hex = (value: number, digits: number) => `0x${value.toString(16).padStart(digits, '0')}`;
    throw new EarlError(
      'FLASH_VERIFY',
      `verification failed at ${hex(address + wrong, 4)}: ${hex(data[wrong]!, 2)} was written, ${hex(found[wrong]!, 2)} is there`,
    );
  }

  private stopIfAsked(): void {
    if (this.signal.aborted) throw new EarlError('FLASH_ABORTED', 'stopped');
  }
}
