import { expect, it } from 'vitest';
import { scriptedSystem, usbDevice } from '../../test/machine/scripted-system.ts';
import { listSerialPorts, type PortInfo } from '../transport/list.ts';
import { type InventorySources, nextSteps, takeInventory } from './inventory.ts';
import { knownUsbDevices } from './usb.ts';

const launchPad: PortInfo = { path: '/dev/ttyACM0', vendorId: '0451', productId: 'f432', serialNumber: 'CFFF' };
const ezFet = (path: string): PortInfo => ({ path, vendorId: '2047', productId: '0013', serialNumber: 'AE33' });
const ftdi = (path: string): PortInfo => ({ path, vendorId: '0403', productId: '6001' });
const modem: PortInfo = { path: '/dev/ttyACM9', vendorId: '12d1', productId: '1506', manufacturer: 'Modem Inc.' };

async function inventory(ports: readonly PortInfo[], rest: Partial<InventorySources> = {}) {
  return takeInventory({
    ports: await listSerialPorts({ list: async () => [...ports] }),
    usb: [],
    running: [],
    kinds: ['ball'],
    holdersOf: async () => [],
    ...rest,
  });
}

it('sorts what is attached, and puts the two ports of an eZ-FET together', async () => {
  const found = await inventory([launchPad, ezFet('/dev/ttyACM1'), ezFet('/dev/ttyACM2'), ftdi('/dev/ttyUSB0'), modem]);
  expect(found.launchPads.map(({ ports }) => ports.map(({ path }) => path))).toEqual([
    ['/dev/ttyACM0'],
    ['/dev/ttyACM1', '/dev/ttyACM2'],
  ]);
  expect(found.launchPads[0]).toEqual({
    name: 'MSP-EXP430G2 LaunchPad',
    usbId: '0451:f432',
    serialNumber: 'CFFF',
    ports: [{ path: '/dev/ttyACM0', url: 'serial:/dev/ttyACM0', heldBy: [] }],
  });
  expect(found.adapters.map(({ name }) => name)).toEqual(['FTDI FT232R adapter']);
  expect(found.otherPorts.map(({ name }) => name)).toEqual(['Modem Inc.']);
  expect(nextSteps(found)).toContainEqual(expect.stringContaining('commands ask for a port'));
});

it('two adapters without serial numbers are two', async () => {
  expect((await inventory([ftdi('/dev/ttyUSB0'), ftdi('/dev/ttyUSB1')])).adapters).toHaveLength(2);
});

it('says who holds a port', async () => {
  const holdersOf = async (path: string) => (path === '/dev/ttyACM0' ? [{ pid: 4711, program: 'minicom' }] : []);
  const found = await inventory([launchPad], { holdersOf });
  expect(found.launchPads[0]!.ports[0]!.heldBy).toEqual([{ pid: 4711, program: 'minicom' }]);
  expect(nextSteps(found)[0]).toBe('/dev/ttyACM0 is in use: end minicom first (kill 4711)');
});

it('a LaunchPad that has no port is not overlooked', async () => {
  const usb = await knownUsbDevices(scriptedSystem({ files: usbDevice('1-2', '0451:f432') }));
  const found = await inventory([], { usb });
  expect(found.launchPads).toEqual([
    { name: 'MSP-EXP430G2 LaunchPad', usbId: '0451:f432', serialNumber: 'CFFF4695F6C11445', ports: [] },
  ]);
  expect(nextSteps(found)).toEqual([expect.stringContaining('earl doctor --for serial')]);
  const withPort = await knownUsbDevices(scriptedSystem({ files: usbDevice('1-2', '0451:f432', { tty: 'ttyACM0' }) }));
  expect((await inventory([launchPad], { usb: withPort })).launchPads).toHaveLength(1);
});

it('with nothing attached there is something to do', async () => {
  const steps = nextSteps(await inventory([]));
  expect(steps[0]).toContain('plug a LaunchPad in');
  expect(steps.at(-1)).toContain('earl monitor emu:ball');
});

it('names running boards', async () => {
  const running = [{ name: 'arm', url: 'tcp:127.0.0.1:4000', pid: 5 }];
  expect(nextSteps(await inventory([], { running }))).toEqual([
    'listen to the emulated arm: earl monitor tcp:127.0.0.1:4000',
  ]);
});
