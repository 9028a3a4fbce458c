import { expect, test } from 'vitest';
import { chooseTargets, parseHardwareMap, type TargetSpec } from './hardware-map.ts';

const parse = (map: unknown) => parseHardwareMap(JSON.stringify(map), 'lab.json');
const target = (fields: object) => ({ version: 1, targets: [{ name: 'a', url: 'serial:/dev/ttyACM0', ...fields }] });

test('five boards and their probes', () => {
  const targets = Array.from({ length: 5 }, (_, index) => ({
    name: `bench-${index}`,
    url: `serial:/dev/ttyACM${index}`,
    probe: { kind: 'arm', id: `02c0ffee0000000${index}` },
  }));
  expect(parse({ version: 1, targets })).toEqual(targets.map((entry) => ({ ...entry, instruments: [] })));
});

test('an emulated target has every instrument unless the map says otherwise', () => {
  expect(parse(target({ url: 'emu:ball' }))[0]!.instruments).toEqual(['virtual']);
  expect(parse(target({ url: 'emu:ball', instruments: [] }))[0]!.instruments).toEqual([]);
});

test.each<[unknown, RegExp]>([
  [[], /the file: write an object/],
  [{ version: 2, targets: [] }, /version: write 1/],
  [{ version: 1, targets: [] }, /targets: list at least one/],
  [{ version: 1, targets: [], probes: [] }, /"probes" is none of version, targets/],
  [target({ name: 'a b' }), /targets\[0\]\.name: write up to 40/],
  [target({ url: '/dev/ttyACM0' }), /targets\[0\]\.url: write one of serial:/],
  [target({ urls: '' }), /targets\[0\]: "urls" is none of/],
  [target({ probe: { kind: 'bal' } }), /targets\[0\]\.probe\.kind: write one of ball/],
  [target({ probe: { id: '12' } }), /targets\[0\]\.probe\.id: /],
  [target({ instruments: ['saleae'] }), /instruments\[0\]: there is no driver "saleae"; drivers: virtual/],
  [target({ instruments: ['virtual'] }), /"virtual" is for emu: targets/],
])('%j is refused', (map, message) => {
  expect(() => parse(map)).toThrow(message);
});

test('a name or a port is used once', () => {
  const twice = (fields: object) => ({ version: 1, targets: [{ name: 'a', url: 'serial:/dev/a' }, fields] });
  expect(() => parse(twice({ name: 'a', url: 'serial:/dev/b' }))).toThrow(/targets\[1\]\.name: "a" is targets\[0\]'s/);
  expect(() => parse(twice({ name: 'b', url: 'serial:/dev/a' }))).toThrow(/targets\[1\]\.url/);
});

test('what is no JSON is refused by name', () => {
  expect(() => parseHardwareMap('{', 'lab.json')).toThrow(/^lab\.json: no JSON/);
});

const map: TargetSpec[] = [{ name: 'bench-1', url: 'serial:/dev/ttyACM0', instruments: [] }];

test('targets by name, by URL, and all emulated ones', () => {
  expect(chooseTargets(['bench-1'], map)).toEqual(map);
  expect(chooseTargets(['serial:/dev/ttyUSB0'], map)).toEqual([
    { name: 'dev-ttyUSB0', url: 'serial:/dev/ttyUSB0', instruments: [] },
  ]);
  expect(chooseTargets(['emu'], []).map(({ url }) => url)).toEqual([
    'emu:ball',
    'emu:arm',
    'emu:light',
    'emu:led_test',
  ]);
});

test('without a wish the map, without a map the emulator', () => {
  expect(chooseTargets([], map)).toEqual(map);
  expect(chooseTargets([], [])).toHaveLength(4);
});

test('an unknown name is answered with the known ones', () => {
  expect(() => chooseTargets(['bench-2'], map)).toThrow(/"bench-2" is no target: the map has bench-1/);
});
