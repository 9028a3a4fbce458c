/**
 * The transport contract over Bluetooth Low Energy: unmodified noble meets unmodified bleno on the virtual air, once for each
 * kind of bridge. An HM-10 knows no other ATT_MTU than 23; it has no write with response, the RN487x both.
 */
import { expect, test } from 'vitest';
import { messages, type Packet } from '../../host/link/index.ts';
import { openCentral, VirtualAir } from '../../host/radio/index.ts';
import { BleAdapters, BleTransport } from '../../host/transport/ble.ts';
import type { BleCentral } from '../../host/transport/ble-adapter.ts';
import { openTransport } from '../../host/transport/open.ts';
import { EchoBridge } from './ble-echo.ts';
import { transportContract } from './transport.contract.ts';

/** The session number in our own request, come back. */
function echoed({ type, payload }: Packet): number | undefined {
  return type === messages.hello_request.type ? payload[0]! | (payload[1]! << 8) : undefined;
}

const times = { findMs: 1500, connectMs: 4000, supervisionMs: 300, scanMs: 400, scanRestMs: 50 };

/** An air of its own, and adapters on it. */
function makeAir() {
  const air = new VirtualAir({ seed: 1 });
  const open = async () => (await openCentral(air.attach({ name: 'gateway' }).port)) as unknown as BleCentral;
  return { air, adapters: new BleAdapters({ open, times }) };
}

for (const kind of ['nus', 'rn487x', 'hm10'] as const) {
  transportContract(`ble: over ${kind}`, async () => {
    const { air, adapters } = makeAir();
    const bridge = new EchoBridge(air, kind, 'Earl00000001');
    await bridge.start();
    return {
      transport: await openTransport('ble:Earl00000001?baud=230400&interval=7.5', { ble: adapters }),
      answer: echoed,
      echoes: true,
      burst: 20,
      farEnd: { vanish: () => bridge.vanish(), comeBack: () => bridge.start() },
      dispose: async () => {
        await bridge.vanish();
        air.close();
      },
    };
  });
}

test.each([
  ['nus', 247],
  ['rn487x', 151],
  ['hm10', 23],
] as const)('%s is recognised, with its MTU of %i', async (kind, mtu) => {
  const { air, adapters } = makeAir();
  const bridge = new EchoBridge(air, kind, 'Earl00000001');
  await bridge.start();
  const transport = new BleTransport('ble:Earl00000001?interval=7.5', adapters);
  await transport.connect({ onData: () => {}, onClose: () => {} });
  expect(transport.bridge?.kind).toBe(kind);
  expect(transport.mtu).toBe(mtu);
  expect(transport.rssiDbm).toBeLessThan(0);
  await transport.dispose();
  await bridge.vanish();
  air.close();
});
