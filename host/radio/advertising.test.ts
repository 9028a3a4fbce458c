/** Advertising and scanning, one controller against another, on a virtual clock. */
import { expect, test } from 'vitest';
import { RawHost } from '../../test/radio/raw-host.ts';
import { VirtualAir, type VirtualAirOptions } from './air.ts';
import { COMMAND, ERROR, LE_EVENT } from './hci.ts';
import { VirtualTimers } from './timers.ts';

const [ADV_IND, ADV_NONCONN_IND, SCAN_RSP] = [0, 3, 4];

function setUp(options: VirtualAirOptions = {}) {
  const timers = new VirtualTimers();
  const air = new VirtualAir({ timers, seed: 1, ...options });
  const join = (controllerOptions = {}) => {
    const node = air.attach(controllerOptions);
    const host = new RawHost(node.port);
    host.reset();
    return { node, host };
  };
  const reports = (host: RawHost) =>
    host.allLe(LE_EVENT.ADVERTISING_REPORT).map((report) => ({
      type: report[1]!,
      address: Buffer.from(report.subarray(3, 9)).toString('hex'),
      data: Buffer.from(report.subarray(10, 10 + report[9]!)),
      rssi: (report[10 + report[9]!]! << 24) >> 24,
    }));
  return { timers, air, join, reports };
}

test('commands are answered in order, never from within the write', async () => {
  const { timers, join } = setUp();
  const { host } = join();
  expect(host.events).toHaveLength(0);
  await timers.advance(1);
  const answers = host.events.map(({ code, parameters }) => [code, Buffer.from(parameters).toString('hex')]);
  expect(answers).toEqual([
    [0x0e, '01030c00'],
    [0x0e, '01010c00'],
    [0x0e, '01012000'],
  ]);
});

test('an unknown command, too few parameters and a bad value each have their error', async () => {
  const { timers, join } = setUp();
  const { host } = join();
  host.command(0xfc01);
  host.command(COMMAND.LE_SET_SCAN_PARAMETERS, [1, 2]);
  host.command(COMMAND.LE_SET_ADVERTISING_PARAMETERS, [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0]);
  host.command(COMMAND.DISCONNECT, [9, 0, 0x13]);
  await timers.advance(1);
  expect(host.completed(0xfc01)).toEqual(Uint8Array.of(ERROR.UNKNOWN_HCI_COMMAND));
  expect(host.completed(COMMAND.LE_SET_SCAN_PARAMETERS)).toEqual(Uint8Array.of(ERROR.INVALID_HCI_COMMAND_PARAMETERS));
  expect(host.completed(COMMAND.LE_SET_ADVERTISING_PARAMETERS)).toEqual(
    Uint8Array.of(ERROR.INVALID_HCI_COMMAND_PARAMETERS),
  );
  expect(host.status(COMMAND.DISCONNECT)).toBe(ERROR.UNKNOWN_CONNECTION_IDENTIFIER);
});

test('an active scanner gets ADV_IND, then SCAN_RSP with the name; duplicates are filtered', async () => {
  const { timers, join, reports } = setUp();
  const probe = join();
  const scanner = join();
  probe.host.advertise('Earl1234');
  scanner.host.scan();
  await timers.advance(2000);
  const seen = reports(scanner.host);
  expect(seen.map(({ type }) => type)).toEqual([ADV_IND, SCAN_RSP]);
  expect(seen[1]!.data.toString()).toContain('Earl1234');
  expect(seen[0]!.address).toBe(Buffer.from(probe.node.publicAddress.bytes).toString('hex'));
});

test('a passive scanner asks nobody, and without the filter each event is reported', async () => {
  const { timers, join, reports } = setUp();
  const probe = join();
  const scanner = join();
  probe.host.advertise('x', 100);
  scanner.host.scan({ active: false, filterDuplicates: false });
  await timers.advance(10_000);
  const seen = reports(scanner.host);
  expect(new Set(seen.map(({ type }) => type))).toEqual(new Set([ADV_IND]));
  expect(probe.node.advertiser.counters.scanRequests).toBe(0);
  // An event every 100 ms and 0 to 10 ms more, each on three channels, of which the scanner is on one at a time.
  const { events } = probe.node.advertiser.counters;
  expect(events).toBeGreaterThan(10_000 / 110 - 2);
  expect(events).toBeLessThan(10_000 / 100 + 1);
  expect(seen.length).toBeGreaterThan(events * 0.8);
});

test('a scanner with a window of a tenth of its interval hears about a tenth', async () => {
  const { timers, join, reports } = setUp();
  const probe = join();
  const scanner = join();
  probe.host.advertise('x', 30, ADV_NONCONN_IND);
  scanner.host.scan({ active: false, filterDuplicates: false, intervalMs: 100, windowMs: 10 });
  await timers.advance(60_000);
  const share = reports(scanner.host).length / probe.node.advertiser.counters.events;
  expect(share).toBeGreaterThan(0.05);
  expect(share).toBeLessThan(0.15);
});

test('power falls with distance, and out of range there is nothing', async () => {
  const { timers, air, join, reports } = setUp();
  const near = join({ position: [1, 0] });
  const far = join({ position: [10, 0] });
  const away = join({ position: [100_000, 0] });
  const scanner = join({ position: [0, 0] });
  for (const { host } of [near, far, away]) host.advertise('x', 50);
  scanner.host.scan();
  await timers.advance(3000);
  const rssi = (node: typeof near) =>
    reports(scanner.host).find(({ address }) => address === Buffer.from(node.node.publicAddress.bytes).toString('hex'))
      ?.rssi;
  expect(rssi(near)).toBe(-40);
  expect(rssi(far)).toBe(-60);
  expect(rssi(away)).toBeUndefined();
  air.setPath(away.node, scanner.node, { rssiDbm: -77 });
  await timers.advance(3000);
  expect(rssi(away)).toBe(-77);
});

test('many advertisers collide, and active scanners back off and still learn every name', async () => {
  const { timers, air, join, reports } = setUp();
  const probes = Array.from({ length: 40 }, (_, index) => {
    const probe = join();
    probe.host.advertise(`probe ${index}`, 100);
    return probe;
  });
  const scanners = [join(), join()];
  for (const { host } of scanners) host.scan();
  await timers.advance(20_000);
  expect(air.counters.collisions).toBeGreaterThan(50);
  for (const { host } of scanners) {
    const names = reports(host).filter(({ type }) => type === SCAN_RSP);
    expect(names).toHaveLength(probes.length);
  }
  expect(scanners[0]!.node.scanner.counters.unanswered).toBeGreaterThan(0);
});

test('the same seed gives the same air, another one another', async () => {
  const run = async (seed: number) => {
    const { timers, air, join } = setUp({ seed, lossRate: 0.1 });
    const probe = join();
    const scanner = join();
    probe.host.advertise('x', 40);
    scanner.host.scan({ filterDuplicates: false });
    await timers.advance(3000);
    return JSON.stringify([air.counters, scanner.host.events.length, probe.node.energy, probe.node.address]);
  };
  expect(await run(5)).toBe(await run(5));
  expect(await run(5)).not.toBe(await run(6));
});

test('Reset stops advertising and scanning', async () => {
  const { timers, join, reports } = setUp();
  const probe = join();
  const scanner = join();
  probe.host.advertise('x', 30);
  scanner.host.scan({ filterDuplicates: false });
  await timers.advance(500);
  probe.host.command(COMMAND.RESET);
  await timers.advance(20);
  const before = reports(scanner.host).length;
  await timers.advance(2000);
  expect(before).toBeGreaterThan(0);
  expect(reports(scanner.host)).toHaveLength(before);
});

test('an advertiser pays for three packets an event, a scanner for the time it listens', async () => {
  const { timers, join } = setUp();
  const probe = join({ currents: { txMa: 10, rxMa: 0, sleepMa: 0, supplyVolts: 2 } });
  const scanner = join();
  probe.host.advertise('x', 100);
  await timers.advance(10_000);
  const { events } = probe.node.advertiser.counters;
  // 6 octets of address, 3 of data and 10 around them, 8 us each, on three channels.
  expect(probe.node.energy.txUs).toBe(events * 3 * (6 + 3 + 10) * 8);
  expect(probe.node.energy.energyUj).toBeCloseTo((probe.node.energy.txUs * 10 * 2) / 1000);
  scanner.host.scan({ active: false, intervalMs: 100, windowMs: 25 });
  await timers.advance(10_000);
  expect(scanner.node.energy.rxUs / 1e6).toBeCloseTo(2.5, 1);
});
