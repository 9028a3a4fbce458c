import { expect, test } from 'vitest';
import { describePort, listSerialPorts, onlyProbePort, type PortInfo, probePorts } from './list.ts';

const launchPad: PortInfo = { path: '/dev/ttyACM1', vendorId: '0451', productId: 'F432', serialNumber: 'A1B2' };
const ftdi: PortInfo = { path: '/dev/ttyUSB0', vendorId: '0403', productId: '6001', manufacturer: 'FTDI' };
const modem: PortInfo = { path: '/dev/ttyACM0', vendorId: '12d1', productId: '1506', manufacturer: 'Modem Inc.' };
const onBoard: PortInfo = { path: '/dev/ttyS0' };

const list = (...ports: PortInfo[]) => listSerialPorts({ list: async () => ports });

test('names boards by vendor and product id, in order of the paths', async () => {
  const ports = await list(launchPad, { path: '/dev/ttyACM10' }, modem, onBoard, ftdi);
  expect(ports.map(describePort)).toEqual([
    '/dev/ttyACM0 (Modem Inc., 12d1:1506)',
    '/dev/ttyACM1 (MSP-EXP430G2 LaunchPad, 0451:f432)',
    '/dev/ttyACM10',
    '/dev/ttyS0',
    '/dev/ttyUSB0 (FTDI FT232R adapter, 0403:6001)',
  ]);
  expect(ports[1]).toEqual({
    url: 'serial:/dev/ttyACM1',
    path: '/dev/ttyACM1',
    usbId: '0451:f432',
    serialNumber: 'A1B2',
    board: expect.objectContaining({ maxBaud: 9600 }),
  });
});

test('auto takes known boards and nothing else', async () => {
  expect(probePorts(await list(modem, launchPad, onBoard, ftdi)).map(({ path }) => path)).toEqual([
    '/dev/ttyACM1',
    '/dev/ttyUSB0',
  ]);
  expect(onlyProbePort(await list(modem, launchPad)).path).toBe('/dev/ttyACM1');
});

test('where there is none, auto says what there is', async () => {
  const ports = await list(modem);
  expect(() => probePorts(ports)).toThrow(expect.objectContaining({ code: 'TRANSPORT_NOT_FOUND' }));
  expect(() => probePorts(ports)).toThrow('/dev/ttyACM0 (Modem Inc., 12d1:1506)');
  expect(() => probePorts([])).toThrow(/plug the LaunchPad in .*emu:ball/);
});

test('two are not one: nothing is guessed', async () => {
  const ports = await list(launchPad, ftdi);
  expect(() => onlyProbePort(ports)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  expect(() => onlyProbePort(ports)).toThrow(/ttyACM1 .*ttyUSB0/);
});

test("the machine's own list can be read", async () => {
  for (const { url, path } of await listSerialPorts()) expect(url).toBe(`serial:${path}`);
});
