/** The module between a probe's UART, bit by bit, and a radio that follows a script; time is the board's. */
import { describe, expect, it } from 'vitest';
import { UartPeer } from '../emulator/devices/uart-peer.ts';
import { Pin } from '../emulator/peripherals/pin.ts';
import { Scheduler } from '../emulator/scheduler.ts';
import { BridgeModule } from './module.ts';
import type { BridgeKind } from './personality.ts';
import type { BridgeRadio } from './radio.ts';

const PEER = 'c0:ff:ee:00:00:02';

class ScriptedRadio implements BridgeRadio {
  readonly address = 'e0:11:22:33:44:55';
  readonly packets: number[][] = [];
  readonly names: (string | undefined)[] = [];
  /** Notifications that it takes before it says no. */
  credits = Number.POSITIVE_INFINITY;
  hangUps = 0;
  onHangUp = () => {};

  advertise(name: string | undefined): void {
    this.names.push(name);
  }

  notify(packet: Uint8Array): boolean {
    if (this.credits === 0) return false;
    this.credits--;
    this.packets.push([...packet]);
    return true;
  }

  disconnect(): void {
    this.hangUps++;
    this.onHangUp();
  }

  async close(): Promise<void> {}

  get text(): string {
    return String.fromCharCode(...this.packets.flat());
  }
}

/** A module whose UART is wired to another UART, which stands for the probe's. */
function wired(kind: BridgeKind, { baud = 9600, name }: { baud?: number; name?: string } = {}) {
  const scheduler = new Scheduler(1_000_000);
  const [up, down] = [new Pin('TXD'), new Pin('RXD')];
  const probe = new UartPeer(scheduler, up, down, { baud });
  const uart = new UartPeer(scheduler, down, up);
  const heard: number[] = [];
  probe.onByte = (byte) => heard.push(byte);
  const pin: { level: boolean | undefined; at: number }[] = [];
  const radio = new ScriptedRadio();
  const module = new BridgeModule({
    kind,
    board: { uart, mcu: { scheduler }, setBridge: (level) => pin.push({ level, at: scheduler.seconds() }) },
    radio: () => radio,
    ...(name === undefined ? {} : { name }),
  });
  radio.onHangUp = () => module.onDisconnected();
  return {
    module,
    radio,
    probe,
    uart,
    heard,
    pin,
    level: () => pin.at(-1)?.level,
    run: (seconds: number) => scheduler.advanceTo(scheduler.now + scheduler.cycles(seconds)),
    send: (text: string) => probe.send(new TextEncoder().encode(text)),
    /** What the probe read since the last call. */
    read: () => String.fromCharCode(...heard.splice(0)),
    connect(room = 20) {
      module.onConnected(PEER);
      module.onSubscribed(room);
    },
  };
}

describe('a transparent module', () => {
  it('cuts the UART into notifications of 20 bytes, and sends the rest after a pause', () => {
    const { radio, probe, connect, run, module } = wired('nus', { name: 'Earl44556677' });
    expect(radio.names).toEqual(['Earl44556677']);
    connect();
    const bytes = Array.from({ length: 50 }, (_, index) => index * 5);
    probe.send(Uint8Array.from(bytes));
    run(0.1);
    expect(radio.packets.map(({ length }) => length)).toEqual([20, 20, 10]);
    expect(radio.packets.flat()).toEqual(bytes);
    expect(module.counters).toMatchObject({ fromBoard: 50, notifications: 3, notifiedBytes: 50, lostToAir: 0 });
  });

  it('uses the room of a larger MTU, up to its own', () => {
    const { radio, probe, connect, run, module } = wired('nus');
    connect(100);
    probe.send(new Uint8Array(120));
    run(0.2);
    expect(radio.packets.map(({ length }) => length)).toEqual([100, 20]);
    module.onRoom(500);
    probe.send(new Uint8Array(300));
    run(0.4);
    expect(radio.packets.map(({ length }) => length)).toEqual([100, 20, 244, 56]);
  });

  it('loses, and counts, what is sent while nobody listens', () => {
    const { radio, probe, run, module, connect } = wired('nus');
    probe.send(new Uint8Array(7));
    run(0.1);
    module.onConnected(PEER);
    probe.send(new Uint8Array(5));
    run(0.1);
    expect(radio.packets).toEqual([]);
    expect(module.counters.unheard).toBe(12);
    connect();
    probe.send(Uint8Array.of(9));
    run(0.1);
    expect(radio.packets).toEqual([[9]]);
  });

  it('has a limit when the air is slow: the newest bytes are lost, the others keep their order', () => {
    const { radio, probe, run, connect, module } = wired('rn487x');
    connect();
    run(0.2);
    radio.credits = 0;
    const bytes = Array.from({ length: 600 }, (_, index) => index & 0xff);
    probe.send(Uint8Array.from(bytes));
    run(0.7);
    expect(radio.packets).toEqual([]);
    expect(module.counters.lostToAir).toBe(600 - 512);
    radio.credits = Number.POSITIVE_INFINITY;
    run(0.1);
    expect(radio.packets.flat()).toEqual(bytes.slice(0, 512));
  });

  it('brings what is written to the UART at its rate; a write with response waits for room', () => {
    const { module, heard, run, connect } = wired('nus');
    connect();
    let answered = 0;
    module.onWritten(new Uint8Array(1000).fill(1));
    module.onWritten(Uint8Array.of(...new Uint8Array(100).fill(2)), () => answered++);
    module.onWritten(new Uint8Array(50).fill(3));
    expect(answered).toBe(0);
    expect(module.counters.lostToBoard).toBe(50);
    run(0.5);
    expect(heard.length).toBeLessThan(500);
    run(2);
    expect(answered).toBe(1);
    expect(heard).toEqual([...new Array(1000).fill(1), ...new Array(100).fill(2)]);
  });

  it('raises its state pin when somebody listens, and lets it go when it is taken off', async () => {
    const { module, level, connect, pin } = wired('nus');
    expect(level()).toBe(false);
    module.onConnected(PEER);
    expect(level()).toBe(false);
    connect();
    expect(level()).toBe(true);
    module.onDisconnected();
    expect(level()).toBe(false);
    await module.close();
    expect(pin.at(-1)!.level).toBeUndefined();
  });

  it('garbles what comes at another rate, both ways', () => {
    const { radio, probe, module, heard, connect, run } = wired('nus', { baud: 19200 });
    connect();
    const bytes = Uint8Array.of(0x55, 0x00, 0x12, 0x34);
    probe.send(bytes);
    module.onWritten(bytes);
    run(0.2);
    expect(radio.packets.flat()).not.toEqual([...bytes]);
    expect(heard).not.toEqual([...bytes]);
  });
});

describe('an HM-10', () => {
  it('answers the commands of its data sheet while nobody is connected', () => {
    const { send, read, run } = wired('hm10');
    const ask = (text: string) => {
      send(text);
      run(0.2);
      return read();
    };
    expect(ask('AT')).toBe('OK');
    expect(ask('AT+NAME?')).toBe('OK+NAME:HMSoft');
    expect(ask('AT+NAMEEarl44556677')).toBe('OK+Set:Earl44556677');
    expect(ask('AT+NAMEthirteenchars')).toBe('');
    expect(ask('AT+BAUD?')).toBe('OK+Get:0');
    expect(ask('AT+PIO11')).toBe('OK+Set:1');
    expect(ask('AT+PIO1?')).toBe('OK+Get:1');
    expect(ask('AT+ADDR?')).toBe('OK+ADDR:E01122334455');
    expect(ask('AT+ROLE?')).toBe('OK+Get:0');
    expect(ask('AT+VERS?')).toMatch(/^HMSoft V5/);
    expect(ask('at+name?')).toBe('');
    expect(ask('AT+BAUD9')).toBe('');
  });

  it('takes name and rate after AT+RESET', () => {
    const { send, read, run, radio, uart, probe } = wired('hm10');
    for (const text of ['AT+NAMEEarl44556677', 'AT+BAUD1']) {
      send(text);
      run(0.2);
    }
    expect(radio.names).toEqual(['HMSoft']);
    expect(uart.baud).toBe(9600);
    read();
    send('AT+RESET');
    run(0.2);
    expect(read()).toBe('OK+RESET');
    expect(radio.names.at(-1)).toBeUndefined();
    run(0.5);
    expect(radio.names.at(-1)).toBe('Earl44556677');
    expect(uart.baud).toBe(19200);
    probe.baud = 19200;
    send('AT');
    run(0.1);
    expect(read()).toBe('OK');
  });

  it('blinks its pin until it is told not to, and holds it high with a connection', () => {
    const { send, run, pin, level, connect } = wired('hm10');
    run(2.2);
    expect(pin.map(({ level }) => level)).toEqual([false, true, false, true, false]);
    send('AT+PIO11');
    run(0.2);
    const settled = pin.length;
    run(3);
    expect(pin.length).toBe(settled);
    expect(level()).toBe(false);
    connect();
    expect(level()).toBe(true);
  });

  it('passes everything on while somebody is connected, except a lone AT, which hangs up', () => {
    const { send, read, run, radio, connect, module } = wired('hm10');
    send('AT+NOTI1');
    run(0.1);
    connect();
    run(0.1);
    expect(read()).toBe('OK+Set:1OK+CONN');
    send('AT+NAME?');
    run(0.1);
    expect(radio.text).toBe('AT+NAME?');
    expect(read()).toBe('');
    send('AT');
    run(0.1);
    expect(radio.hangUps).toBe(1);
    expect(radio.text).toBe('AT+NAME?');
    expect(module.connectedTo).toBeUndefined();
    expect(read()).toBe('OK+LOST');
  });

  it('hangs up on a lone AT whether or not somebody listens', () => {
    const { send, run, radio, module } = wired('hm10');
    module.onConnected(PEER);
    send('ATAT');
    run(0.1);
    expect(radio.hangUps).toBe(0);
    send('AT');
    run(0.1);
    expect([radio.hangUps, radio.text]).toEqual([1, '']);
  });

  it('keeps to 20 bytes whatever MTU the radio agreed to', () => {
    const { radio, probe, connect, run } = wired('hm10');
    connect(240);
    probe.send(new Uint8Array(45));
    run(0.1);
    expect(radio.packets.map(({ length }) => length)).toEqual([20, 20, 5]);
  });
});

describe('an RN487x', () => {
  it('says what happens in status strings', () => {
    const { module, read, run, connect } = wired('rn487x');
    connect();
    run(0.1);
    expect(read()).toBe('%CONNECT,0,C0FFEE000002%%STREAM_OPEN%');
    module.onDisconnected();
    run(0.1);
    expect(read()).toBe('%DISCONNECT%');
  });

  it('has a command mode behind $$$ after a pause', () => {
    const { send, read, run, radio, uart } = wired('rn487x', { name: 'Earl44556677' });
    const type = (text: string) => {
      send(text);
      run(0.3);
      return read();
    };
    expect(type('$$$')).toBe('CMD> ');
    expect(type('GN\r')).toBe('Earl44556677\r\nCMD> ');
    expect(type('GK\r')).toBe('none\r\nCMD> ');
    expect(type('SN,Earl00000001\r')).toBe('AOK\r\nCMD> ');
    expect(type('SB,07\r')).toBe('AOK\r\nCMD> ');
    expect(type('XYZ\r')).toBe('Err\r\nCMD> ');
    expect(type('---\r')).toBe('END\r\n');
    expect(radio.names).toEqual(['Earl44556677']);
    expect(type('$$$')).toBe('CMD> ');
    expect(type('R,1\r')).toBe('Rebooting\r\n');
    run(1);
    expect([radio.names.at(-1), uart.baud]).toEqual(['Earl00000001', 19200]);
  });

  it('takes $$$ in the middle of data, and fewer of them, as data', () => {
    const { send, read, run, radio, connect } = wired('rn487x');
    connect();
    run(0.2);
    read();
    send('a$$$b');
    run(0.2);
    send('$$');
    run(0.2);
    expect(radio.text).toBe('a$$$b$$');
    expect(read()).toBe('');
  });

  it('sends nothing on the air from command mode', () => {
    const { send, run, radio, connect } = wired('rn487x');
    connect();
    run(0.2);
    send('$$$');
    run(0.2);
    send('V\r---\r');
    run(0.2);
    expect(radio.packets).toEqual([]);
    send('data');
    run(0.2);
    expect(radio.text).toBe('data');
  });
});
