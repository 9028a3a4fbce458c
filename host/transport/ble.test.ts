/** What is particular to Bluetooth; what every transport promises is in test/contract/transport-ble.test.ts. */
import { afterEach, expect, test } from 'vitest';
import { EarlError } from '../../errors/index.ts';
import { EchoBridge } from '../../test/contract/ble-echo.ts';
import { openCentral, openPeripheral, VirtualAir, type VirtualController } from '../radio/index.ts';
import { BleAdapters, BleTransport } from './ble.ts';
import type { BleCentral, BleTimes } from './ble-adapter.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const times: Partial<BleTimes> = { findMs: 1200, connectMs: 4000, supervisionMs: 300, scanMs: 300, scanRestMs: 50 };

/** An air with a gateway's adapters on it; `opened` holds the controllers that they were given. */
function makeAir(other: Partial<BleTimes> = {}) {
  const air = new VirtualAir({ seed: 7 });
  closers.push(() => air.close());
  const opened: VirtualController[] = [];
  const adapters = new BleAdapters({
    times: { ...times, ...other },
    open: async (_url, onGone) => {
      const controller = air.attach({ name: 'gateway' });
      opened.push(controller);
      return (await openCentral(controller.port, { onGone })) as unknown as BleCentral;
    },
  });
  return { air, adapters, opened };
}

async function echo(air: VirtualAir, name: string): Promise<EchoBridge> {
  const bridge = new EchoBridge(air, 'nus', name);
  await bridge.start();
  closers.push(() => bridge.vanish());
  return bridge;
}

function transportTo(url: string, adapters: BleAdapters): BleTransport {
  const transport = new BleTransport(url, adapters);
  closers.push(() => transport.dispose());
  return transport;
}

/** Connects; `heard` resolves with that many bytes, `lost` with why it ended. */
async function plug(transport: BleTransport) {
  const bytes: number[] = [];
  let check = () => {};
  let onLost: (error: EarlError | undefined) => void = () => {};
  const lost = new Promise<EarlError | undefined>((resolve) => {
    onLost = resolve;
  });
  const connection = await transport.connect({
    onData: (data) => {
      bytes.push(...data);
      check();
    },
    onClose: (error) => onLost(error),
  });
  const heard = (count: number) =>
    new Promise<number[]>((resolve) => {
      check = () => bytes.length >= count && resolve(bytes);
      check();
    });
  return { connection, heard, lost };
}

const silent = { onData: () => {}, onClose: () => {} };

test('several probes at once share one adapter', async () => {
  const { air, adapters, opened } = makeAir();
  const names = [1, 2, 3, 4, 5].map((n) => `Earl0000000${n}`);
  for (const name of names) await echo(air, name);
  const lines = await Promise.all(names.map((name) => plug(transportTo(`ble:${name}?interval=15`, adapters))));
  await Promise.all(lines.map(({ connection }, n) => connection.write(Uint8Array.of(n, n))));
  expect(await Promise.all(lines.map(({ heard }) => heard(2)))).toEqual([0, 1, 2, 3, 4].map((n) => [n, n]));
  expect(opened).toHaveLength(1);
});

test('a probe is found by its address too, and belongs to one transport', async () => {
  const { air, adapters } = makeAir();
  await echo(air, 'Earl00000001');
  const byName = transportTo('ble:Earl00000001', adapters);
  const address = await new Promise<string>((resolve) => {
    void adapters.get().hold(byName);
    const stop = adapters.get().observe({
      all: false,
      urgent: true,
      onSighting: (sighting) => {
        stop();
        resolve(sighting.address);
      },
    });
  });
  const byAddress = transportTo(`ble:${address.toUpperCase()}`, adapters);
  const { connection, heard } = await plug(byAddress);
  await connection.write(Uint8Array.of(9));
  expect(await heard(1)).toEqual([9]);
  await expect(byName.connect(silent)).rejects.toMatchObject({ code: expect.stringMatching(/BUSY|NOT_FOUND/) });
});

test('one that is not there is not found, and what was heard instead is said', async () => {
  const { air, adapters } = makeAir();
  await echo(air, 'Earl00000001');
  await expect(transportTo('ble:Earl00000002', adapters).connect(silent)).rejects.toMatchObject({
    code: 'TRANSPORT_NOT_FOUND',
    message: expect.stringMatching(/no Earl00000002 .*heard Earl00000001 ..:..:..:..:..:.. -\d+ dBm/),
  });
});

test('what is no bridge is passed over, or named when it is asked for', async () => {
  const { air, adapters } = makeAir();
  const { bleno, close } = await openPeripheral(air.attach().port);
  closers.push(close);
  bleno.setServices([new bleno.PrimaryService({ uuid: '180f', characteristics: [] })]);
  bleno.startAdvertising('thermostat', ['180f']);
  await expect(transportTo('ble:thermostat', adapters).connect(silent)).rejects.toMatchObject({
    code: 'TRANSPORT_NOT_FOUND',
    message: expect.stringContaining('no bridge was heard'),
  });
  await expect(transportTo('ble:thermostat?scan=all', adapters).connect(silent)).rejects.toMatchObject({
    code: 'TRANSPORT_NOT_FOUND',
    message: expect.stringContaining('no serial bridge that Earl knows'),
  });
});

test('an adapter that goes away ends its links, and another one is opened', async () => {
  const { air, adapters, opened } = makeAir();
  await echo(air, 'Earl00000001');
  const transport = transportTo('ble:Earl00000001', adapters);
  const first = await plug(transport);
  opened[0]!.detach();
  expect(await first.lost).toMatchObject({ code: 'TRANSPORT_LOST' });
  const again = await plug(transport);
  await again.connection.write(Uint8Array.of(5));
  expect(await again.heard(1)).toEqual([5]);
  expect(opened).toHaveLength(2);
});

test('an adapter that goes away ends the search too', async () => {
  const { adapters, opened } = makeAir({ findMs: 30_000 });
  const transport = transportTo('ble:Earl00000001', adapters);
  const search = transport.connect(silent).catch((error: unknown) => error);
  while (adapters.get().scannedMs === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  opened[0]!.detach();
  expect(await search).toMatchObject({ code: 'TRANSPORT_FAILED' });
});

test.each([
  ['TRANSPORT_NOT_FOUND', 'TRANSPORT_NOT_FOUND'],
  ['TRANSPORT_PERMISSION', 'TRANSPORT_PERMISSION'],
  ['BLUETOOTH_OFF', 'TRANSPORT_FAILED'],
])('%s of the radio is %s, in its words', async (code, expected) => {
  const open = () => Promise.reject(new EarlError(code, 'do this and that'));
  const transport = transportTo('ble:x', new BleAdapters({ open, times }));
  await expect(transport.connect(silent)).rejects.toMatchObject({
    code: expected,
    message: expect.stringContaining('do this and that'),
  });
  await expect(transport.connect(silent)).rejects.toMatchObject({ code: expected }); // and again
});

test('dispose while connecting ends the attempt, and gives the adapter back', async () => {
  const { air, adapters, opened } = makeAir();
  await echo(air, 'Earl00000001');
  for (const afterMs of [0, 50, 120, 200]) {
    const transport = transportTo('ble:Earl00000001', adapters);
    const attempt = transport.connect(silent).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    await transport.dispose();
    const outcome = await attempt;
    if (outcome instanceof EarlError) expect(outcome.code).toBe('TRANSPORT_FAILED');
  }
  expect(air.controllers.filter(({ name }) => name === 'gateway')).toEqual([]);
  expect(opened.length).toBeGreaterThan(1);
});
