/**
 * A GDB stub for the chip: one debugger's session (GDB manual, appendix "Remote Protocol", "Packets").
 *
 * Speaks with mspdebug's gdbc driver, with the msp430-gdb of mspgcc (registers of 16 bits) and with msp430-elf-gdb
 * (32 bits; told apart as mspdebug does, by `multiprocess+` in qSupported). Time passes only while the program runs:
 * whoever owns the chip starts and stops it for `resume` and `pause` and calls `afterSlice`. Left out: threads,
 * reverse execution, non-stop mode, file transfer.
 */

import { monitorCommand } from './gdb-monitor.ts';
import { encodePacket, PacketReader } from './gdb-packet.ts';
import { flashRegions, type GdbTarget, infoA, pointKinds } from './gdb-target.ts';
import { fromHex, hexByte, toHex } from './hex.ts';

export interface GdbHost {
  send(bytes: Uint8Array): void;
  /** The program runs from now on. */
  resume(): void;
  /** It stands still. */
  pause(): void;
}

/** Longest packet that is taken; GDB is told half of it. */
const PACKET_LIMIT = 0x4000;
const ACK = 0x2b;
const NAK = 0x2d;
const OK = 'OK';
const MALFORMED = 'E01';
const NO_MEMORY = 'E02';
const NOT_ERASED = 'E03';
const UNSUPPORTED = '';
const SIGINT = 2;
const SIGTRAP = 5;
const REGISTERS = 16;

export class GdbSession {
  private readonly target: GdbTarget;
  private readonly host: GdbHost;
  private readonly reader: PacketReader;
  private acknowledged = true;
  private acknowledgedEarly = false;
  private lastPacket = encodePacket('');
  private registerBytes: 2 | 4 = 2;
  private running = false;
  private killed = false;

  /** The chip is expected to stand still. */
  constructor(target: GdbTarget, host: GdbHost) {
    this.target = target;
    this.host = host;
    this.reader = new PacketReader(
      {
        packet: (text) => this.onPacket(text),
        interrupt: () => this.onInterrupt(),
        acknowledged: () => this.acknowledgeEarly(),
        resend: () => this.host.send(this.lastPacket),
        damaged: () => {
          if (this.acknowledged) this.host.send(Uint8Array.of(NAK));
        },
      },
      PACKET_LIMIT,
    );
  }

  /** Bytes from the debugger. */
  receive(bytes: Uint8Array): void {
    this.reader.feed(bytes);
  }

  /** After each slice of a run: tells the debugger when a breakpoint ended it. */
  afterSlice(): void {
    if (!this.running || !this.target.halted) return;
    this.pause();
    this.reply(this.stopReply(SIGTRAP));
  }

  /** The debugger is gone: the program runs on without breakpoints, unless the debugger killed it. */
  close(): void {
    this.target.clearAll();
    if (!this.killed && !this.running) this.run();
    this.running = false;
  }

  // ---- packets

  /**
   * The next packet is acknowledged before it comes. A debugger without TCP_NODELAY (mspdebug) holds that packet back
   * until the + that it just sent is confirmed, which the receiving kernel delays by 40 ms unless there is data to send.
   */
  private acknowledgeEarly(): void {
    if (!this.acknowledged || this.acknowledgedEarly) return;
    this.acknowledgedEarly = true;
    this.host.send(Uint8Array.of(ACK));
  }

  private onPacket(text: string): void {
    if (this.acknowledged && !this.acknowledgedEarly) this.host.send(Uint8Array.of(ACK));
    this.acknowledgedEarly = false;
    // While the program runs nothing but Ctrl-C is due; a debugger that says more gets the stop first.
    if (this.running) this.onInterrupt();
    const reply = this.execute(text);
    if (reply !== undefined) this.reply(reply);
  }

  private onInterrupt(): void {
    if (!this.running) return;
    this.pause();
    this.reply(this.stopReply(this.target.halted ? SIGTRAP : SIGINT));
  }

  private reply(text: string): void {
    this.lastPacket = encodePacket(text);
    this.host.send(this.lastPacket);
  }

  private execute(text: string): string | undefined {
    const rest = text.slice(1);
    switch (text[0]) {
      case '?':
        return this.stopReply(SIGTRAP);
      case 'g':
        return toHex(this.allRegisters());
      case 'G':
        return this.writeRegisters(rest);
      case 'p':
        return this.readRegister(rest);
      case 'P':
        return this.writeRegister(rest);
      case 'm':
        return this.readMemory(rest);
      case 'M':
        return this.writeMemory(rest, true);
      case 'X':
        return this.writeMemory(rest, false);
      case 'c':
      case 'C':
      case 's':
      case 'S':
        return this.go(text);
      case 'Z':
      case 'z':
        return this.point(text);
      case 'R':
      case 'r':
        this.target.reset();
        return OK;
      case 'H':
      case 'T':
        return OK;
      case 'D':
        this.target.clearAll();
        this.run();
        return OK;
      case 'k':
        this.kill();
        return undefined;
      case 'q':
      case 'Q':
        return this.query(text);
      case 'v':
        return this.extended(text);
      default:
        return UNSUPPORTED;
    }
  }

  // ---- running

  private go(text: string): string | undefined {
    const signalled = text[0] === 'C' || text[0] === 'S';
    const address = signalled ? text.split(';')[1] : text.slice(1);
    if (address !== undefined && address !== '') {
      const pc = hexNumber(address);
      if (pc === undefined) return MALFORMED;
      this.target.mcu.setRegister(0, pc);
    }
    if (text[0] === 's' || text[0] === 'S') {
      this.target.step();
      return this.stopReply(SIGTRAP);
    }
    this.run();
    return undefined;
  }

  private run(): void {
    this.killed = false;
    this.target.resume();
    this.running = true;
    this.host.resume();
  }

  /** The program stands at its beginning until the next debugger comes. */
  private kill(): void {
    this.killed = true;
    this.target.clearAll();
    this.target.reset();
  }

  private pause(): void {
    this.running = false;
    this.host.pause();
  }

  private stopReply(signal: number): string {
    const { hit } = this.target;
    const watch = hit && signal === SIGTRAP ? `${hit.kind}:${hit.address.toString(16).padStart(4, '0')};` : '';
    const registers = Array.from(
      { length: REGISTERS },
      (_, index) => `${hexByte(index)}:${toHex(this.registerValue(index))};`,
    );
    return `T${hexByte(signal)}${watch}${registers.join('')}`;
  }

  private point(text: string): string {
    const match = /^[zZ]([0-4]),([0-9a-f]+),([0-9a-f]+)/i.exec(text);
    if (match === null) return /^[zZ]\d/.test(text) ? UNSUPPORTED : MALFORMED;
    const kind = pointKinds[Number(match[1])]!;
    const [address, bytes] = [Number.parseInt(match[2]!, 16), Number.parseInt(match[3]!, 16)];
    if (address > 0xffff) return MALFORMED;
    if (text[0] === 'Z') this.target.set(kind, address, Math.max(1, bytes));
    else this.target.clear(kind, address, Math.max(1, bytes));
    return OK;
  }

  // ---- registers

  private registerValue(index: number): number[] {
    const value = this.target.mcu.registers[index]!;
    return this.registerBytes === 2 ? [value & 0xff, value >> 8] : [value & 0xff, value >> 8, 0, 0];
  }

  private allRegisters(): number[] {
    return Array.from({ length: REGISTERS }, (_, index) => this.registerValue(index)).flat();
  }

  private writeRegisters(text: string): string {
    const bytes = fromHex(text);
    if (bytes === undefined || bytes.length < REGISTERS * this.registerBytes) return MALFORMED;
    for (let index = 0; index < REGISTERS; index++) {
      const at = index * this.registerBytes;
      this.target.mcu.setRegister(index, bytes[at]! | (bytes[at + 1]! << 8));
    }
    return OK;
  }

  private readRegister(text: string): string {
    const index = hexNumber(text);
    return index !== undefined && index < REGISTERS ? toHex(this.registerValue(index)) : MALFORMED;
  }

  private writeRegister(text: string): string {
    const [name, value] = text.split('=');
    const index = hexNumber(name ?? '');
    const bytes = fromHex(value ?? '');
    if (index === undefined || index >= REGISTERS || bytes === undefined || bytes.length < 2) return MALFORMED;
    this.target.mcu.setRegister(index, bytes[0]! | (bytes[1]! << 8));
    return OK;
  }

  // ---- memory

  private readMemory(text: string): string {
    const range = parseRange(text);
    if (range === undefined) return MALFORMED;
    const length = Math.min(range.length, 0x10000 - range.address);
    return length <= 0 && range.length > 0 ? NO_MEMORY : toHex(this.target.read(range.address, length));
  }

  private writeMemory(text: string, hex: boolean): string {
    const colon = text.indexOf(':');
    const range = parseRange(text.slice(0, Math.max(0, colon)));
    const data = hex ? fromHex(text.slice(colon + 1)) : bytesOf(text.slice(colon + 1));
    if (range === undefined || data === undefined || data.length !== range.length) return MALFORMED;
    return this.target.write(range.address, data) ? OK : NO_MEMORY;
  }

  private extended(text: string): string {
    if (text === 'vFlashDone') return OK;
    if (text.startsWith('vKill')) {
      this.kill();
      return OK;
    }
    if (text.startsWith('vFlashErase:')) {
      const range = parseRange(text.slice('vFlashErase:'.length));
      if (range === undefined) return MALFORMED;
      return this.target.erase(range.address, range.length) ? OK : NOT_ERASED;
    }
    if (text.startsWith('vFlashWrite:')) {
      const match = /^vFlashWrite:([0-9a-f]+):/i.exec(text);
      if (match === null) return MALFORMED;
      const data = bytesOf(text.slice(match[0].length));
      return this.target.write(Number.parseInt(match[1]!, 16), data) ? OK : NO_MEMORY;
    }
    return UNSUPPORTED;
  }

  // ---- queries

  private query(text: string): string {
    if (text.startsWith('qSupported')) {
      this.registerBytes = text.includes('multiprocess+') ? 4 : 2;
      return `PacketSize=${(PACKET_LIMIT / 2).toString(16)};QStartNoAckMode+;qXfer:memory-map:read+`;
    }
    if (text === 'QStartNoAckMode') {
      // The acknowledgement of this very packet was sent already; the reply is the last one that gets one.
      this.acknowledged = false;
      return OK;
    }
    if (text.startsWith('qRcmd,')) return this.monitor(text.slice('qRcmd,'.length));
    if (text.startsWith('qXfer:memory-map:read:')) return transfer(memoryMap(), text);
    if (text.startsWith('qCRC:')) return this.checksum(text.slice('qCRC:'.length));
    if (text === 'qC') return 'QC1';
    if (text === 'qfThreadInfo') return 'm1';
    if (text === 'qsThreadInfo') return 'l';
    if (text.startsWith('qAttached')) return '1';
    if (text.startsWith('qSymbol')) return OK;
    return UNSUPPORTED;
  }

  private monitor(text: string): string {
    const command = fromHex(text);
    if (command === undefined) return MALFORMED;
    const answer = monitorCommand(this.target, String.fromCharCode(...command).trim());
    return answer === '' ? OK : toHex(bytesOf(`${answer}\n`));
  }

  private checksum(text: string): string {
    const range = parseRange(text);
    if (range === undefined) return MALFORMED;
    return `C${crc32(this.target.read(range.address, range.length)).toString(16)}`;
  }
}

function hexNumber(text: string): number | undefined {
  return /^[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : undefined;
}

function parseRange(text: string): { address: number; length: number } | undefined {
  const [address, length] = text.split(',').map(hexNumber);
  if (address === undefined || length === undefined || address > 0xffff || length > 0x10000) return undefined;
  return { address, length };
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** The part of an object that `qXfer:…:OFFSET,LENGTH` asks for. */
function transfer(object: string, text: string): string {
  const range = parseRange(text.slice(text.lastIndexOf(':') + 1));
  if (range === undefined) return MALFORMED;
  const part = object.slice(range.address, range.address + range.length);
  return `${range.address + range.length >= object.length ? 'l' : 'm'}${part}`;
}

function memoryMap(): string {
  const hex = (value: number) => `0x${value.toString(16)}`;
  const flash = flashRegions.map(
    ({ start, bytes, segment }) =>
      `<memory type="flash" start="${hex(start)}" length="${hex(bytes)}"><property name="blocksize">${hex(segment)}</property></memory>`,
  );
  return [
    '<?xml version="1.0"?><!DOCTYPE memory-map PUBLIC "+//IDN gnu.org//DTD GDB Memory Map V1.0//EN" "http://sourceware.org/gdb/gdb-memory-map.dtd">',
    '<memory-map><memory type="ram" start="0x0" length="0x400"/>',
    ...flash,
    `<memory type="rom" start="${hex(infoA.start)}" length="${hex(infoA.bytes)}"/></memory-map>`,
  ].join('');
}

/** The checksum of qCRC: polynomial 0x04C11DB7, most significant bit first, initial value all ones, not inverted. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}
