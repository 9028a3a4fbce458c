/**
 * What an RN4870 or RN4871 says on its UART, and its command mode (Microchip DS50002466, chapter 2 and appendix B).
 *
 * Status strings between `%` come in data mode as in command mode. `$$$` after a pause enters command mode, commands end
 * with a carriage return and are answered `AOK`, a value or `Err`, then the prompt; `---` leaves. Settings take effect
 * with `R,1`. Commands here: + --- GK GN K,1 R,1 SB SF,1 SN S- V. While in command mode nothing goes on the air.
 */

import type { Dialect, ModuleControl } from './dialect.ts';

/** Rates of SB,00 to SB,0B. */
export const rn487xBauds = [
  921600, 460800, 230400, 115200, 57600, 38400, 28800, 19200, 14400, 9600, 4800, 2400,
] as const;

const DOLLAR = 0x24;
const RETURN = 0x0d;
const NEWLINE = 0x0a;
const VERSION = 'RN4870 V1.41 (Earl, emulated)';
/** Silence before `$$$` that tells it from data. */
const GUARD_SECONDS = 0.1;
const MAX_LINE = 64;
/** Names here are no longer than an advertisement holds. */
const LONGEST_NAME = 20;

export function rn487xDialect(module: ModuleControl): Dialect {
  return new Rn487x(module);
}

class Rn487x implements Dialect {
  private readonly module: ModuleControl;
  private next: { name?: string; baud?: number } = {};
  private commandMode = false;
  private echo = false;
  private line = '';
  /** `$` that are data, unless they become three. */
  private held = 0;
  private lastByteAt = Number.NEGATIVE_INFINITY;

  constructor(module: ModuleControl) {
    this.module = module;
  }

  started(again: boolean): void {
    this.commandMode = false;
    this.held = 0;
    this.line = '';
    if (again) this.module.say('%REBOOT%');
  }

  connected(): void {
    this.module.say(`%CONNECT,0,${this.module.peer}%`);
  }

  subscribed(): void {
    this.module.say('%STREAM_OPEN%');
  }

  disconnected(): void {
    this.module.say('%DISCONNECT%');
  }

  byte(byte: number): boolean {
    if (this.commandMode) {
      this.typed(byte);
      return true;
    }
    const { seconds } = this.module;
    const rested = seconds - this.lastByteAt >= GUARD_SECONDS;
    this.lastByteAt = seconds;
    if (byte !== DOLLAR || (this.held === 0 && !rested)) {
      this.release();
      return false;
    }
    if (++this.held === 3) {
      this.held = 0;
      this.commandMode = true;
      this.module.say('CMD> ');
    }
    return true;
  }

  idle(): void {
    this.release();
  }

  /** Held `$` were data. */
  private release(): void {
    for (; this.held > 0; this.held--) this.module.data(DOLLAR);
  }

  private typed(byte: number): void {
    if (this.echo) this.module.say(String.fromCharCode(byte));
    if (byte === NEWLINE) return;
    if (byte !== RETURN) {
      if (this.line.length < MAX_LINE) this.line += String.fromCharCode(byte);
      return;
    }
    const { line } = this;
    this.line = '';
    if (line === '---') {
      this.commandMode = false;
      this.module.say('END\r\n');
      return;
    }
    const reply = this.execute(line);
    if (reply !== undefined) this.module.say(`${reply}\r\nCMD> `);
  }

  /** The answer; undefined when the module restarts, after which there is no prompt. */
  private execute(line: string): string | undefined {
    const { module } = this;
    const [command = '', ...values] = line.split(',');
    const value = values.join(',');
    switch (command.toUpperCase()) {
      case '+':
        this.echo = !this.echo;
        return this.echo ? 'ECHO ON' : 'ECHO OFF';
      case 'V':
        return VERSION;
      case 'GN':
        return this.next.name ?? module.name;
      case 'GK':
        return module.connected ? `${module.peer},0,1` : 'none';
      case 'SN':
        return this.setName(value);
      case 'S-':
        return this.setName(value === '' ? '' : `${value.slice(0, LONGEST_NAME - 5)}_${module.address.slice(-4)}`);
      case 'SB':
        return this.setBaud(value);
      case 'K':
        if (value !== '1' || !module.connected) return 'Err';
        module.disconnect();
        return 'AOK';
      case 'SF':
        if (value !== '1') return 'Err';
        return this.restart('Reboot after Factory Reset', { name: 'RN4870', baud: rn487xBauds[3] });
      case 'R':
        return value === '1' ? this.restart('Rebooting', this.next) : 'Err';
      default:
        return 'Err';
    }
  }

  private setName(name: string): string {
    if (name === '' || name.length > LONGEST_NAME) return 'Err';
    this.next = { ...this.next, name };
    return 'AOK';
  }

  private setBaud(value: string): string {
    const baud = /^0[0-9a-b]$/i.test(value) ? rn487xBauds[Number.parseInt(value, 16)] : undefined;
    if (baud === undefined) return 'Err';
    this.next = { ...this.next, baud };
    return 'AOK';
  }

  private restart(words: string, settings: { readonly name?: string; readonly baud?: number }): undefined {
    this.next = {};
    this.module.say(`${words}\r\n`, () => this.module.restart(settings));
  }
}
