/**
 * The host's side of the UART boot loader in the ROM of an MSP430 of the 1xx, 2xx and 4xx families (SLAU319 "Bootloader
 * Protocol - 1xx, 2xx, and 4xx Families"): entry by TEST and RST, and every command. What to do with them, bsl-flash.ts
 * says. Left out: memory above 64 KB and the loaders that are downloaded into RAM.
 */

import { EarlError } from '../../errors/index.ts';
import { baudParameters, bsl, bslCommand, checksum, commandFrame, eraseMode } from './bsl-frame.ts';
import type { FlashLine } from './line.ts';

const SYNC_ATTEMPTS = 3;
const SYNC_TIMEOUT_MS = 1000;
const ENTRY_ATTEMPTS = 3;
/** Between two changes of a line: adapters on USB take some milliseconds. */
const EDGE_MS = 20;
/** Until the loader listens (SLAU319: the clock has settled). */
const START_MS = 250;
const ANSWER_TIMEOUT_MS = 3000;
const ERASE_TIMEOUT_MS = 6000;
const BAUD_SETTLE_MS = 10;

/** How DTR and RTS reach the chip. As they are: DTR asserted is RST high, RTS asserted is TEST low (TI's interface). */
export interface BslWiring {
  /** DTR asserted is RST low: an adapter's DTR# wired to RST. */
  readonly invertReset?: boolean;
  /** RTS asserted is TEST high. */
  readonly invertTest?: boolean;
  /** RST hangs on RTS and TEST on DTR. */
  readonly swapLines?: boolean;
}

export interface BslVersion {
  /** Four hex digits, e.g. `2553`. */
  readonly chip: string;
  /** E.g. `2.02`. */
  readonly loader: string;
}

export class BslClient {
  private readonly line: FlashLine;
  private readonly wiring: BslWiring;
  private reset = true;
  private test = false;
  /** The loader has answered a synchronisation and waits for the frame. */
  private synchronised = false;

  constructor(line: FlashLine, wiring: BslWiring = {}) {
    this.line = line;
    this.wiring = wiring;
  }

  /** Starts the loader. Rejects with `FLASH_NO_ANSWER`. */
  async enter(): Promise<void> {
    for (let attempt = 0; attempt < ENTRY_ATTEMPTS; attempt++) {
      await this.entrySequence();
      this.synchronised = await this.trySync();
      if (this.synchronised) return;
    }
    throw new EarlError(
      'FLASH_NO_ANSWER',
      `no boot loader answers at ${this.line.name}: check P1.1 to RXD, P1.5 to TXD, and RST and TEST to DTR and RTS; an ` +
        'adapter whose DTR is wired to RST directly needs --invert-reset, exchanged wires --swap-lines',
    );
  }

  /** Lets the program run: RST low and high again with TEST low. */
  async restart(): Promise<void> {
    await this.pins(true, false);
    await this.pins(false, false);
    await this.pins(true, false);
  }

  /** Compares 32 bytes with the vectors: false when they differ, and then the chip has erased itself, info A too. */
  async password(password: Uint8Array): Promise<boolean> {
    await this.send(commandFrame(bslCommand.password, 0, 0, password));
    return this.accepted(ERASE_TIMEOUT_MS);
  }

  /** All of flash and info memory, info A too. Needs no password; afterwards it is 32 times 0xFF. */
  async massErase(): Promise<void> {
    await this.run('mass erase', bslCommand.massErase, 0xfffe, eraseMode.mass);
  }

  /** All of main flash. */
  async eraseMain(): Promise<void> {
    await this.run('erase', bslCommand.erase, 0xfffe, eraseMode.main);
  }

  /** The segment that `address` lies in: 512 bytes of flash, 64 of info memory. */
  async eraseSegment(address: number): Promise<void> {
    await this.run('erase', bslCommand.erase, address, eraseMode.segment);
  }

  /** True when all bytes are 0xFF. */
  async isErased(address: number, length: number): Promise<boolean> {
    await this.send(commandFrame(bslCommand.eraseCheck, address, length));
    return this.accepted(ANSWER_TIMEOUT_MS);
  }

  /** At most 240 bytes, of even length, at an even address. Rejects with `FLASH_REFUSED`. */
  async write(address: number, data: Uint8Array): Promise<void> {
    await this.run(`write at ${hex(address)}`, bslCommand.write, address, data.length, data);
  }

  /** At most 240 bytes, an even number. */
  async read(address: number, length: number): Promise<Uint8Array> {
    await this.send(commandFrame(bslCommand.read, address, length));
    return this.dataFrame(`read at ${hex(address)}`, length);
  }

  /** Leaves the loader and runs what is at `address`; the chip's peripherals are as the loader left them. */
  async loadPc(address: number): Promise<void> {
    await this.run('load PC', bslCommand.loadPc, address, 0);
  }

  /** Needs no password. */
  async version(): Promise<BslVersion> {
    await this.send(commandFrame(bslCommand.version, 0, 0));
    const data = await this.dataFrame('version', 16);
    const chip = [...data.subarray(0, 2)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return { chip, loader: `${data[10]!.toString(16)}.${data[11]!.toString(16).padStart(2, '0')}` };
  }

  /** 9600, 19200 or 38400, with the clock settings of the 2xx loader. Throws `USAGE` for others. */
  async changeBaud(baud: number): Promise<void> {
    const parameters = baudParameters[baud];
    if (parameters === undefined) {
      throw new EarlError(
        'USAGE',
        `the boot loader runs at ${Object.keys(baudParameters).join(', ')} baud, not ${baud}`,
      );
    }
    await this.run('change of the baud rate', bslCommand.changeBaud, ...parameters);
    await this.line.delay(BAUD_SETTLE_MS);
    await this.line.setBaud(baud);
  }

  // ---- pins

  private async entrySequence(): Promise<void> {
    await this.pins(true, false);
    await this.pins(false, false);
    for (const test of [true, false, true]) await this.pins(false, test);
    await this.pins(true, true);
    await this.pins(true, false);
    await this.line.setBaud(9600);
    await this.line.delay(START_MS);
    await this.line.flush();
  }

  /** Levels at the chip's pins. */
  private async pins(reset: boolean, test: boolean): Promise<void> {
    this.reset = reset;
    this.test = test;
    const { invertReset = false, invertTest = false, swapLines = false } = this.wiring;
    const forReset = this.reset !== invertReset;
    const forTest = this.test === invertTest;
    await this.line.setModem(swapLines ? { dtr: forTest, rts: forReset } : { dtr: forReset, rts: forTest });
    await this.line.delay(EDGE_MS);
  }

  // ---- frames

  private async trySync(): Promise<boolean> {
    for (let attempt = 0; attempt < SYNC_ATTEMPTS; attempt++) {
      await this.line.write(Uint8Array.of(bsl.sync));
      const [answer] = await this.line.read(1, SYNC_TIMEOUT_MS);
      if (answer === bsl.ack) return true;
      // The loader may stand in the middle of a frame: it gives that up when nothing comes.
      await this.line.delay(START_MS);
      await this.line.flush();
    }
    return false;
  }

  private async send(frame: Uint8Array): Promise<void> {
    const ready = this.synchronised || (await this.trySync());
    this.synchronised = false;
    if (!ready) {
      throw new EarlError('FLASH_NO_ANSWER', `the boot loader at ${this.line.name} stopped answering: run it again`);
    }
    await this.line.write(frame);
  }

  private async run(what: string, command: number, address: number, length: number, data?: Uint8Array): Promise<void> {
    await this.send(commandFrame(command, address, length, data));
    if (await this.accepted(ERASE_TIMEOUT_MS)) return;
    throw new EarlError('FLASH_REFUSED', `the boot loader refused: ${what}`);
  }

  private async accepted(timeoutMs: number): Promise<boolean> {
    const [answer] = await this.line.read(1, timeoutMs);
    if (answer === bsl.ack) return true;
    if (answer === bsl.nak || answer === bsl.failed) return false;
    throw this.strange(answer);
  }

  private async dataFrame(what: string, length: number): Promise<Uint8Array> {
    const [first] = await this.line.read(1, ANSWER_TIMEOUT_MS);
    if (first === bsl.nak || first === bsl.failed) {
      throw new EarlError('FLASH_REFUSED', `the boot loader refused: ${what}`);
    }
    if (first !== bsl.header) throw this.strange(first);
    const rest = await this.line.read(3 + length + 2, ANSWER_TIMEOUT_MS);
    const frame = [first, ...rest];
    const [low, high] = checksum(frame.slice(0, -2));
    const intact = rest.length === length + 5 && rest[1] === length && rest[2] === length;
    if (!intact || rest.at(-2) !== low || rest.at(-1) !== high) {
      throw new EarlError('FLASH_NOISE', `an answer of the boot loader was damaged (${what}): run it again`);
    }
    return rest.subarray(3, 3 + length);
  }

  private strange(answer: number | undefined): EarlError {
    const what = answer === undefined ? 'nothing' : hex(answer);
    return new EarlError('FLASH_NO_ANSWER', `the boot loader at ${this.line.name} answered ${what}: run it again`);
  }
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}
