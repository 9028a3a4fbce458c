/** Connections on a virtual clock: data in order through loss, flow control, supervision, updates, crowded radios. */
import { expect, test } from 'vitest';
import { RawHost } from '../../test/radio/raw-host.ts';
import { VirtualAir, type VirtualAirOptions } from './air.ts';
import type { ControllerOptions, VirtualController } from './controller.ts';
import { COMMAND, ERROR, EVENT, LE_EVENT, littleEndian, readUint16 } from './hci.ts';
import { VirtualTimers } from './timers.ts';

interface Side {
  readonly node: VirtualController;
  readonly host: RawHost;
}

interface Pair {
  readonly timers: VirtualTimers;
  readonly air: VirtualAir;
  readonly central: Side;
  readonly peripheral: Side;
  /** Handles of the connection at either side. */
  readonly down: number;
  readonly up: number;
}

function join(air: VirtualAir, options: ControllerOptions = {}): Side {
  const node = air.attach(options);
  const host = new RawHost(node.port);
  host.reset();
  return { node, host };
}

async function connectTo(
  timers: VirtualTimers,
  central: Side,
  peripheral: Side,
  options: Parameters<RawHost['connect']>[1] = {},
): Promise<{ down: number; up: number }> {
  const before = central.host.handles.length;
  peripheral.host.advertise('p', 20);
  await timers.advance(1);
  central.host.connect(peripheral.node.publicAddress.bytes, options);
  await timers.until(() => central.host.handles.length > before);
  return { down: central.host.handles.at(-1)!, up: peripheral.host.handles.at(-1)! };
}

async function pair(
  options: VirtualAirOptions = {},
  connect: Parameters<RawHost['connect']>[1] = {},
  sides: ControllerOptions = {},
): Promise<Pair> {
  const timers = new VirtualTimers();
  const air = new VirtualAir({ timers, seed: 3, ...options });
  const central = join(air, sides);
  const peripheral = join(air, sides);
  const handles = await connectTo(timers, central, peripheral, connect);
  return { timers, air, central, peripheral, ...handles };
}

const bytes = (count: number, from = 0) => Uint8Array.from({ length: count }, (_, index) => (from + index) & 0xff);

/** Sends `packets` as the buffers allow: one more for each that is completed. */
function pump(host: RawHost, handle: number, packets: readonly Uint8Array[], buffers: number): void {
  let next = 0;
  const send = () => {
    const packet = packets[next++];
    if (packet !== undefined) host.sendAcl(handle, packet);
  };
  host.onEvent = ({ code, parameters }) => {
    if (code !== EVENT.NUMBER_OF_COMPLETED_PACKETS) return;
    for (let count = readUint16(parameters, 3); count > 0; count--) send();
  };
  for (let count = 0; count < buffers; count++) send();
}

test('both hosts hear of a connection, with its roles and parameters', async () => {
  const { central, peripheral } = await pair({}, { intervalMs: 50, latency: 2, timeoutMs: 2000 });
  const [atCentral] = central.host.allLe(LE_EVENT.CONNECTION_COMPLETE);
  const [atPeripheral] = peripheral.host.allLe(LE_EVENT.CONNECTION_COMPLETE);
  expect(atCentral![3]).toBe(0);
  expect(atPeripheral![3]).toBe(1);
  for (const event of [atCentral!, atPeripheral!]) {
    expect(event).toHaveLength(18);
    expect([11, 13, 15].map((at) => readUint16(event, at))).toEqual([40, 2, 200]);
  }
  expect(atCentral!.slice(5, 11)).toEqual(peripheral.node.publicAddress.bytes);
});

test('ACL data arrives at the next connection event, cut to 27 octets, first and continuing', async () => {
  const { timers, central, peripheral, down } = await pair({}, { intervalMs: 100 });
  await timers.advance(250);
  const sentAt = timers.now();
  let arrivedAt = 0;
  peripheral.host.onAcl = () => {
    arrivedAt = timers.now();
  };
  central.host.sendAcl(down, bytes(60));
  await timers.until(() => peripheral.host.received.length === 60);
  expect(peripheral.host.acl.map(({ boundary, data }) => [boundary, data.length])).toEqual([
    [2, 27],
    [1, 27],
    [1, 6],
  ]);
  expect(peripheral.host.received).toEqual([...bytes(60)]);
  expect(arrivedAt - sentAt).toBeLessThanOrEqual(101);
  await timers.advance(200);
  expect(central.host.completedPackets).toBe(1);
});

test('a slow UART delays every packet between host and controller, in order', async () => {
  const timers = new VirtualTimers();
  const air = new VirtualAir({ timers });
  const central = join(air, { hciDelayMs: 40 });
  const peripheral = join(air);
  central.host.command(COMMAND.READ_BD_ADDR);
  await timers.advance(79);
  expect(central.host.events).toHaveLength(0);
  await timers.advance(2);
  expect(central.host.events).toHaveLength(4);
  const { down } = await connectTo(timers, central, peripheral, { intervalMs: 10 });
  await timers.advance(100);
  const start = timers.now();
  for (let index = 0; index < 4; index++) central.host.sendAcl(down, bytes(5, 5 * index));
  await timers.until(() => peripheral.host.received.length === 20);
  expect(peripheral.host.received).toEqual([...bytes(20)]);
  expect(timers.now() - start).toBeGreaterThanOrEqual(40);
});

test('with the data length extension one PDU carries 251 octets, and both hosts are told', async () => {
  const { timers, central, peripheral, down } = await pair();
  central.host.command(COMMAND.LE_SET_DATA_LENGTH, [...littleEndian(down, 2), ...littleEndian(251, 2), 0x48, 0x08]);
  await timers.advance(200);
  for (const { host } of [central, peripheral]) {
    const [change] = host.allLe(LE_EVENT.DATA_LENGTH_CHANGE);
    expect([2, 6].map((at) => readUint16(change!, at))).toEqual([251, 251]);
  }
  central.host.sendAcl(down, bytes(251));
  await timers.advance(100);
  expect(peripheral.host.acl.map(({ data }) => data.length)).toEqual([251]);
});

test('a peer with 27 octets keeps the length at 27', async () => {
  const timers = new VirtualTimers();
  const air = new VirtualAir({ timers });
  const central = join(air);
  const peripheral = join(air, { maxDataOctets: 27 });
  const { down } = await connectTo(timers, central, peripheral);
  central.host.command(COMMAND.LE_SET_DATA_LENGTH, [...littleEndian(down, 2), ...littleEndian(251, 2), 0x48, 0x08]);
  central.host.sendAcl(down, bytes(100));
  await timers.advance(500);
  expect(peripheral.host.acl.map(({ data }) => data.length)).toEqual([27, 27, 27, 19]);
});

test.each([0.1, 0.3])('at a loss rate of %d everything arrives once and in order, both ways', async (lossRate) => {
  const made = await pair({}, { intervalMs: 20, timeoutMs: 6000 }, { aclBuffers: { octets: 27, count: 4 } });
  const { timers, air, central, peripheral, down, up } = made;
  air.lossRate = lossRate;
  const packets = Array.from({ length: 300 }, (_, index) => bytes(20, index));
  pump(central.host, down, packets, 4);
  pump(peripheral.host, up, packets, 4);
  const total = packets.flatMap((packet) => [...packet]);
  await timers.until(
    () =>
      [central, peripheral].every(({ host }) => host.received.length >= total.length && host.completedPackets === 300),
    120_000,
  );
  expect(central.host.received).toEqual(total);
  expect(peripheral.host.received).toEqual(total);
  const { retransmissions, pdusSent } = [...central.node.connections.values()][0]!.end.counters;
  expect(retransmissions / pdusSent).toBeGreaterThan(lossRate / 2);
});

test('one buffer at the peripheral is one packet an interval; eight are many', async () => {
  const timeFor = async (count: number) => {
    const sides = { aclBuffers: { octets: 27, count } };
    const { timers, central, peripheral, up } = await pair({}, { intervalMs: 30 }, sides);
    const packets = Array.from({ length: 20 }, (_, index) => bytes(27, index));
    const start = timers.now();
    pump(peripheral.host, up, packets, count);
    await timers.until(() => central.host.received.length === 20 * 27);
    expect(peripheral.node.counters.overflows).toBe(0);
    return timers.now() - start;
  };
  // Its packets are acknowledged by the central's first packet of the next event.
  expect(await timeFor(1)).toBeGreaterThan(18 * 30);
  expect(await timeFor(8)).toBeLessThan(6 * 30);
});

test('a packet more than there are buffers is dropped and reported', async () => {
  const { timers, central, down } = await pair({}, {}, { aclBuffers: { octets: 27, count: 2 } });
  for (let index = 0; index < 3; index++) central.host.sendAcl(down, bytes(27));
  await timers.advance(1);
  expect(central.host.all(EVENT.DATA_BUFFER_OVERFLOW)).toHaveLength(1);
  expect(central.node.counters.overflows).toBe(1);
});

test('Disconnect tells the peer the reason and this host its own; no credits follow', async () => {
  const { timers, central, peripheral, down } = await pair();
  central.host.sendAcl(down, bytes(200));
  central.host.disconnect(down);
  await timers.advance(500);
  expect(central.host.status(COMMAND.DISCONNECT)).toBe(ERROR.SUCCESS);
  expect(central.host.disconnectReasons).toEqual([ERROR.CONNECTION_TERMINATED_BY_LOCAL_HOST]);
  expect(peripheral.host.disconnectReasons).toEqual([ERROR.REMOTE_USER_TERMINATED_CONNECTION]);
  expect(central.host.events.at(-1)!.code).toBe(EVENT.DISCONNECTION_COMPLETE);
  expect(central.node.radio.reservations.size + peripheral.node.radio.reservations.size).toBe(0);
});

test('the peripheral may hang up as well', async () => {
  const { timers, central, peripheral, up } = await pair();
  peripheral.host.disconnect(up);
  await timers.advance(500);
  expect(peripheral.host.disconnectReasons).toEqual([ERROR.CONNECTION_TERMINATED_BY_LOCAL_HOST]);
  expect(central.host.disconnectReasons).toEqual([ERROR.REMOTE_USER_TERMINATED_CONNECTION]);
});

test('when nothing arrives any more, both ends give up after the supervision timeout', async () => {
  const { timers, air, central, peripheral } = await pair({}, { intervalMs: 30, timeoutMs: 500 });
  await timers.advance(300);
  air.setPath(central.node, peripheral.node, { lossRate: 1 });
  const lostAt = timers.now();
  await timers.until(() => central.host.disconnectReasons.length + peripheral.host.disconnectReasons.length === 2);
  expect(central.host.disconnectReasons).toEqual([ERROR.CONNECTION_TIMEOUT]);
  expect(peripheral.host.disconnectReasons).toEqual([ERROR.CONNECTION_TIMEOUT]);
  expect(timers.now() - lostAt).toBeGreaterThan(500 - 31);
  expect(timers.now() - lostAt).toBeLessThanOrEqual(501);
});

test('a peer whose battery is pulled is noticed by the supervision timeout', async () => {
  const { timers, central, peripheral } = await pair({}, { timeoutMs: 1000 });
  await timers.advance(100);
  peripheral.node.detach();
  await timers.advance(900);
  expect(central.host.disconnectReasons).toEqual([]);
  await timers.advance(200);
  expect(central.host.disconnectReasons).toEqual([ERROR.CONNECTION_TIMEOUT]);
});

test('a CONNECT_IND that gets lost is a connection that fails to be established', async () => {
  const timers = new VirtualTimers();
  const air = new VirtualAir({ timers, seed: 11, lossRate: 0.2 });
  const central = join(air);
  const peripheral = join(air);
  let failed = 0;
  for (let attempt = 0; attempt < 20 && failed === 0; attempt++) {
    const ended = central.host.disconnectReasons.length;
    const { down } = await connectTo(timers, central, peripheral);
    await timers.advance(6 * 30 + 5);
    if (central.host.handles.length > peripheral.host.handles.length) {
      failed = central.host.disconnectReasons.at(-1)!;
    } else {
      central.host.disconnect(down);
      await timers.until(() => central.host.disconnectReasons.length > ended);
    }
    peripheral.host.reset();
  }
  expect(failed).toBe(ERROR.CONNECTION_FAILED_TO_BE_ESTABLISHED);
});

test('a connection update holds from its instant on, for both ends at once', async () => {
  const { timers, central, peripheral, down } = await pair({}, { intervalMs: 30 });
  const interval = littleEndian(80, 2);
  central.host.command(COMMAND.LE_CONNECTION_UPDATE, [
    ...littleEndian(down, 2),
    ...interval,
    ...interval,
    0,
    0,
    ...littleEndian(300, 2),
    0,
    0,
    0,
    0,
  ]);
  await timers.advance(1000);
  for (const { host } of [central, peripheral]) {
    const [update] = host.allLe(LE_EVENT.CONNECTION_UPDATE_COMPLETE);
    expect([3, 5, 7].map((at) => readUint16(update!, at))).toEqual([80, 0, 300]);
  }
  const { end } = [...central.node.connections.values()][0]!;
  const before = end.counters.events;
  await timers.advance(10_000);
  expect(end.counters.events - before).toBeCloseTo(100, -1);
});

test('features, version, channel map and RSSI of a peer', async () => {
  const { timers, air, central, peripheral, down } = await pair();
  air.setPath(central.node, peripheral.node, { rssiDbm: -71 });
  const handle = littleEndian(down, 2);
  for (const opcode of [
    COMMAND.LE_READ_REMOTE_FEATURES,
    COMMAND.READ_REMOTE_VERSION_INFORMATION,
    COMMAND.LE_READ_CHANNEL_MAP,
    COMMAND.READ_RSSI,
  ]) {
    central.host.command(opcode, handle);
  }
  await timers.advance(500);
  expect(central.host.allLe(LE_EVENT.READ_REMOTE_FEATURES_COMPLETE)[0]![3]).toBe(0x28);
  expect(central.host.all(EVENT.READ_REMOTE_VERSION_INFORMATION_COMPLETE)[0]!.parameters[3]).toBe(0x0c);
  expect(central.host.completed(COMMAND.LE_READ_CHANNEL_MAP)!.slice(3)).toEqual(
    Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x1f),
  );
  expect(central.host.completed(COMMAND.READ_RSSI)![3]! - 256).toBe(-71);
});

test('a peripheral with latency sleeps through events and still answers when it has something to say', async () => {
  const energyWith = async (latency: number) => {
    const { timers, peripheral, central, up } = await pair({}, { intervalMs: 30, latency, timeoutMs: 4000 });
    await timers.advance(10_000);
    const { txUs } = peripheral.node.energy;
    peripheral.host.sendAcl(up, bytes(10));
    await timers.advance(61);
    expect(central.host.received).toHaveLength(10);
    expect(central.host.disconnectReasons).toEqual([]);
    return txUs;
  };
  expect((await energyWith(9)) / (await energyWith(0))).toBeLessThan(0.2);
});

test('Cancel ends an attempt with Unknown Connection Identifier', async () => {
  const timers = new VirtualTimers();
  const central = join(new VirtualAir({ timers }));
  central.host.connect(Uint8Array.of(1, 2, 3, 4, 5, 6));
  await timers.advance(100);
  central.host.command(COMMAND.LE_CREATE_CONNECTION_CANCEL);
  await timers.advance(1);
  expect(central.host.completed(COMMAND.LE_CREATE_CONNECTION_CANCEL)).toEqual(Uint8Array.of(0));
  const [event] = central.host.allLe(LE_EVENT.CONNECTION_COMPLETE);
  expect(event![0]).toBe(ERROR.UNKNOWN_CONNECTION_IDENTIFIER);
});

async function crowd(
  count: number,
  intervalMs: number,
): Promise<{ timers: VirtualTimers; central: Side; probes: Side[] }> {
  const timers = new VirtualTimers();
  const air = new VirtualAir({ timers, seed: 2 });
  const central = join(air);
  const probes: Side[] = [];
  for (let index = 0; index < count; index++) {
    const probe = join(air);
    probes.push(probe);
    await connectTo(timers, central, probe, { intervalMs, eventLengthMs: 2.5, timeoutMs: 4000 });
  }
  return { timers, central, probes };
}

test('20 connections of one central keep apart: all events are lived, all data arrives', async () => {
  const { timers, central, probes } = await crowd(20, 30);
  const ends = [...central.node.connections.values()].map(({ end }) => end);
  const before = ends.map(({ counters }) => counters.missedEvents);
  for (const { host } of probes) host.sendAcl(host.handles[0]!, bytes(27));
  await timers.advance(3000);
  expect(central.host.received).toHaveLength(20 * 27);
  expect(ends.map(({ counters }) => counters.missedEvents)).toEqual(before);
  const anchors = ends.map(({ anchorUs }) => anchorUs % 30_000).sort((a, b) => a - b);
  const gaps = anchors.map((anchor, index) => (anchors[index + 1] ?? anchors[0]! + 30_000) - anchor);
  expect(Math.min(...gaps)).toBeGreaterThan(600);
});

test('30 connections at 7.5 ms are more than the radio has time for: events are missed, but shared out', async () => {
  const { timers, central } = await crowd(30, 60);
  for (const handle of central.host.handles) {
    // Interval 6 x 1.25 ms, timeout 4 s.
    central.host.command(COMMAND.LE_CONNECTION_UPDATE, [
      ...littleEndian(handle, 2),
      6,
      0,
      6,
      0,
      0,
      0,
      0x90,
      1,
      0,
      0,
      0,
      0,
    ]);
  }
  await timers.advance(1000);
  expect(central.host.allLe(LE_EVENT.CONNECTION_UPDATE_COMPLETE)).toHaveLength(30);
  const ends = [...central.node.connections.values()].map(({ end }) => end);
  const before = ends.map(({ counters }) => ({ ...counters }));
  await timers.advance(5000);
  const lived = ends.map(
    ({ counters }, index) =>
      1 - (counters.missedEvents - before[index]!.missedEvents) / (counters.events - before[index]!.events),
  );
  // What was apart at 60 ms falls on few anchor points at 7.5 ms, some ten connections on each, which take turns.
  expect(Math.min(...lived)).toBeGreaterThan(0.08);
  expect(lived.reduce((sum, share) => sum + share, 0) / 30).toBeLessThan(0.5);
  expect(central.host.disconnectReasons).toEqual([]);
});
