/**
 * The AT commands of an HM-10, as far as a probe's firmware and a curious user need them (JNHuaMao data sheet V5xx).
 *
 * A command has no end mark: it ends with a pause of the UART. It is upper case, and while somebody is connected all
 * bytes are data, except a lone `AT`, which hangs up. What is not known gets no answer. Settings that the data sheet
 * keeps for the next start (name, baud rate) take effect with AT+RESET. Left out: central role, pairing, sleep, iBeacon,
 * the other pins.
 */

import type { Dialect, ModuleControl } from './dialect.ts';
import { MAX_NAME } from './personality.ts';

/** Rates of AT+BAUD0 to AT+BAUD8. */
export const hm10Bauds = [9600, 19200, 38400, 57600, 115200, 4800, 2400, 1200, 230400] as const;

const FACTORY_NAME = 'HMSoft';
const VERSION = 'HMSoft V540';
/** No command is longer; what is more is noise. */
const MAX_COMMAND = 40;
/** While somebody is connected; alone on the UART. */
const HANG_UP = 'AT';

interface Settings {
  name: string;
  baud: number;
  /** AT+PIO1: 0 blinks while nobody is connected, 1 does not. */
  pio1: '0' | '1';
  /** AT+NOTI: 1 says OK+CONN and OK+LOST. */
  notify: '0' | '1';
}

export function hm10Dialect(module: ModuleControl): Dialect {
  return new Hm10(module);
}

class Hm10 implements Dialect {
  private readonly module: ModuleControl;
  private readonly settings: Settings;
  private command: number[] = [];

  constructor(module: ModuleControl) {
    this.module = module;
    this.settings = { name: module.name, baud: module.baud, pio1: '0', notify: '0' };
  }

  get blinks(): boolean {
    return this.settings.pio1 === '0';
  }

  connected(): void {
    this.command = [];
    if (this.settings.notify === '1') this.module.say('OK+CONN');
  }

  disconnected(): void {
    if (this.settings.notify === '1') this.module.say('OK+LOST');
  }

  byte(byte: number): boolean {
    if (this.command.length < MAX_COMMAND) this.command.push(byte);
    return !this.module.connected;
  }

  idle(): void {
    const text = String.fromCharCode(...this.command);
    this.command = [];
    if (this.module.connected) {
      if (text === HANG_UP) this.module.disconnect();
    } else if (text === 'AT+RESET') this.restart('OK+RESET');
    else if (text === 'AT+RENEW') this.renew();
    else {
      const answer = this.answer(text);
      if (answer !== undefined) this.module.say(answer);
    }
  }

  alone(packet: Uint8Array): boolean {
    return String.fromCharCode(...packet) === HANG_UP;
  }

  private renew(): void {
    Object.assign(this.settings, { name: FACTORY_NAME, baud: hm10Bauds[0], pio1: '0', notify: '0' });
    this.restart('OK+RENEW');
  }

  /** The answer to a command; undefined: none. */
  private answer(text: string): string | undefined {
    if (text === 'AT') return 'OK';
    const [, command, value = ''] = /^AT\+(NAME|BAUD|PIO1|NOTI|ROLE|ADDR|VERS|VERR)(.+)$/.exec(text) ?? [];
    switch (command) {
      case 'NAME':
        return this.name(value);
      case 'BAUD':
        return this.baud(value);
      case 'PIO1':
        return this.choice(value, 'pio1');
      case 'NOTI':
        return this.choice(value, 'notify');
    }
    if (value !== '?') return undefined;
    if (command === 'ROLE') return 'OK+Get:0';
    if (command === 'ADDR') return `OK+ADDR:${this.module.address}`;
    return command === undefined ? undefined : VERSION;
  }

  private name(value: string): string | undefined {
    if (value === '?') return `OK+NAME:${this.settings.name}`;
    if (value.length > MAX_NAME) return undefined;
    this.settings.name = value;
    return `OK+Set:${value}`;
  }

  private baud(value: string): string | undefined {
    if (value === '?') return `OK+Get:${(hm10Bauds as readonly number[]).indexOf(this.settings.baud)}`;
    const baud = /^[0-8]$/.test(value) ? hm10Bauds[Number(value)] : undefined;
    if (baud === undefined) return undefined;
    this.settings.baud = baud;
    return `OK+Set:${value}`;
  }

  private choice(value: string, setting: 'pio1' | 'notify'): string | undefined {
    if (value === '?') return `OK+Get:${this.settings[setting]}`;
    if (value !== '0' && value !== '1') return undefined;
    this.settings[setting] = value;
    if (setting === 'pio1') this.module.updateStatePin();
    return `OK+Set:${value}`;
  }

  private restart(reply: string): void {
    const { name, baud } = this.settings;
    this.module.say(reply, () => this.module.restart({ name, baud }));
  }
}
