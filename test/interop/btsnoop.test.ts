/**
 * HCI traces that Wireshark reads: a whole session of noble and bleno, and every command that a controller claims, go
 * through tshark, which finds nothing malformed and the names that we claim. Skipped where tshark is not installed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND } from '../../host/radio/hci.ts';
import {
  BTSNOOP_H4,
  BtsnoopFile,
  openCentral,
  openPeripheral,
  VirtualAir,
  VirtualTimers,
} from '../../host/radio/index.ts';
import { RawHost } from '../radio/raw-host.ts';
import { connectToEcho, echo, find, serveEcho } from './noble-echo.ts';

const hasTshark = spawnSync('tshark', ['--version']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'earl-btsnoop-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** One row a packet, of the fields asked for. */
function dissect(path: string, fields: readonly string[], filter = ''): string[][] {
  const args = ['-r', path, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
  const out = execFileSync('tshark', filter === '' ? args : [...args, '-Y', filter], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
}

const BAD = '_ws.malformed || _ws.expert.severity == "Error"';

describe.skipIf(!hasTshark)('tshark reads', () => {
  const session = join(folder, 'session.btsnoop');

  beforeAll(async () => {
    const file = new BtsnoopFile(session);
    const air = new VirtualAir({ seed: 5, lossRate: 0.02 });
    const [up, down] = [air.attach({ name: 'probe' }), air.attach({ name: 'gateway' })];
    for (const node of [up, down]) node.trace = file.controller(node.name, node.address);
    const peripheral = await openPeripheral(up.port);
    const central = await openCentral(down.port);
    await serveEcho(peripheral.bleno, 'Earl44556677');
    const remote = await find(central.noble, 'Earl44556677');
    const link = await connectToEcho(remote);
    await echo(link, 10);
    await central.close();
    await peripheral.close();
    air.close();
    file.close();
  });

  test('a whole session of two adapters without a malformed packet', () => {
    expect(dissect(session, ['frame.number'], BAD)).toEqual([]);
    const count = (filter: string) => dissect(session, ['frame.number'], filter).length;
    expect(count('frame')).toBeGreaterThan(100);
    expect(count('hci_mon.opcode == 0')).toBe(2);
    expect(count('bthci_evt.le_meta_subevent == 0x01')).toBeGreaterThanOrEqual(2);
    // A write, as it was sent and as it was received; likewise each notification.
    expect(count('btatt.opcode == 0x52 || btatt.opcode == 0x12')).toBeGreaterThanOrEqual(20);
    expect(count('btatt.opcode == 0x1b')).toBeGreaterThanOrEqual(20);
  });

  test('the name that was advertised, and times of today that do not run backwards', () => {
    const names = dissect(session, ['btcommon.eir_ad.entry.device_name'], 'btcommon.eir_ad.entry.device_name').flat();
    expect(new Set(names)).toEqual(new Set(['Earl44556677']));
    const times = dissect(session, ['frame.time_epoch']).map(([time]) => Number(time));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(Math.abs(times[0]! * 1000 - Date.now())).toBeLessThan(3_600_000);
  });

  test('every command that a controller answers, by the name that the specification has for it', async () => {
    const path = join(folder, 'commands.btsnoop');
    const file = new BtsnoopFile(path, BTSNOOP_H4);
    const timers = new VirtualTimers();
    const air = new VirtualAir({ timers });
    const node = air.attach();
    node.trace = file.controller();
    const host = new RawHost(node.port);
    host.reset();
    await timers.advance(1);
    for (const opcode of Object.values(COMMAND)) host.command(opcode, validParameters.get(opcode) ?? []);
    await timers.advance(100);
    file.close();
    for (const opcode of Object.values(COMMAND)) {
      const isAnswered = host.completed(opcode) !== undefined || host.status(opcode) !== undefined;
      expect(isAnswered, opcode.toString(16)).toBe(true);
      expect(host.completed(opcode)?.[0], opcode.toString(16)).not.toBe(0x01);
    }
    expect(dissect(path, ['frame.number'], BAD)).toEqual([]);
    const described = new Map(
      dissect(path, ['bthci_cmd.opcode', '_ws.col.Info'], 'bthci_cmd').map(([opcode, info]) => [Number(opcode), info!]),
    );
    for (const [name, opcode] of Object.entries(COMMAND)) {
      expect(words(described.get(opcode) ?? ''), name).toEqual(words(names.get(opcode) ?? `Sent ${name}`));
    }
  });
});

test('the header and one record, octet by octet', () => {
  const path = join(folder, 'one.btsnoop');
  const file = new BtsnoopFile(path, BTSNOOP_H4, () => Date.UTC(2000, 0, 1));
  file.controller().packet('to-controller', Uint8Array.of(1, 3, 0x0c, 0));
  file.close();
  expect(readFileSync(path).toString('hex')).toBe(
    '6274736e6f6f700000000001000003ea' + '00000004000000040000000200000000' + '00e03ab44a676000' + '01030c00',
  );
});

/** Parameters of right length, where a command has some. Those of connections name one that does not exist. */
const validParameters = new Map<number, readonly number[]>([
  [COMMAND.DISCONNECT, [1, 0, 0x13]],
  [COMMAND.READ_REMOTE_VERSION_INFORMATION, [1, 0]],
  [COMMAND.SET_EVENT_MASK, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f]],
  [COMMAND.WRITE_LE_HOST_SUPPORT, [1, 0]],
  [COMMAND.READ_RSSI, [1, 0]],
  [COMMAND.LE_SET_EVENT_MASK, [0x5f, 0, 0, 0, 0, 0, 0, 0]],
  [COMMAND.LE_SET_RANDOM_ADDRESS, [1, 2, 3, 4, 5, 0xc6]],
  [COMMAND.LE_SET_ADVERTISING_PARAMETERS, [0xa0, 0, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0]],
  [COMMAND.LE_SET_ADVERTISING_DATA, [3, 2, 1, 6, ...new Array<number>(28).fill(0)]],
  [COMMAND.LE_SET_SCAN_RESPONSE_DATA, [3, 2, 9, 0x45, ...new Array<number>(28).fill(0)]],
  [COMMAND.LE_SET_ADVERTISING_ENABLE, [1]],
  [COMMAND.LE_SET_SCAN_PARAMETERS, [1, 0x10, 0, 0x10, 0, 0, 0]],
  [COMMAND.LE_SET_SCAN_ENABLE, [1, 1]],
  [
    COMMAND.LE_CREATE_CONNECTION,
    [0x60, 0, 0x30, 0, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0x18, 0, 0x18, 0, 0, 0, 0x2a, 0, 0, 0, 0, 0],
  ],
  [COMMAND.LE_ADD_DEVICE_TO_FILTER_ACCEPT_LIST, [0, 1, 2, 3, 4, 5, 6]],
  [COMMAND.LE_REMOVE_DEVICE_FROM_FILTER_ACCEPT_LIST, [0, 1, 2, 3, 4, 5, 6]],
  [COMMAND.LE_CONNECTION_UPDATE, [1, 0, 0x18, 0, 0x18, 0, 0, 0, 0x2a, 0, 0, 0, 0, 0]],
  [COMMAND.LE_READ_CHANNEL_MAP, [1, 0]],
  [COMMAND.LE_READ_REMOTE_FEATURES, [1, 0]],
  [COMMAND.LE_SET_DATA_LENGTH, [1, 0, 0xfb, 0, 0x48, 8]],
  [COMMAND.LE_WRITE_SUGGESTED_DEFAULT_DATA_LENGTH, [0x1b, 0, 0x48, 1]],
]);

/** Where tshark has names of before 5.3, or short ones. */
const names = new Map<number, string>([
  [COMMAND.READ_LE_HOST_SUPPORT, 'Sent Read LE Host Supported'],
  [COMMAND.WRITE_LE_HOST_SUPPORT, 'Sent Write LE Host Supported'],
  [COMMAND.LE_READ_BUFFER_SIZE, 'Sent LE Read Buffer Size [v1]'],
  [COMMAND.LE_READ_ADVERTISING_PHYSICAL_CHANNEL_TX_POWER, 'Sent LE Read Advertising Channel Tx Power'],
  [COMMAND.LE_SET_ADVERTISING_ENABLE, 'Sent LE Set Advertise Enable'],
  [COMMAND.LE_READ_FILTER_ACCEPT_LIST_SIZE, 'Sent LE Read White List Size'],
  [COMMAND.LE_CLEAR_FILTER_ACCEPT_LIST, 'Sent LE Clear White List'],
  [COMMAND.LE_ADD_DEVICE_TO_FILTER_ACCEPT_LIST, 'Sent LE Add Device To White List'],
  [COMMAND.LE_REMOVE_DEVICE_FROM_FILTER_ACCEPT_LIST, 'Sent LE Remove Device From White List'],
]);

/** Letters only, so that hyphens, slashes and the names of before 5.3 do not matter. */
function words(text: string): string {
  return text.toLowerCase().replace(/[^a-z]/g, '');
}
