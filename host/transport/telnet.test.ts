import { expect, test } from 'vitest';
import { Telnet } from './telnet.ts';

function record() {
  const seen: string[] = [];
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const telnet = new Telnet({
    onData: (bytes) => {
      const last = seen.at(-1);
      // How data is cut into chunks means nothing.
      if (last?.startsWith('data ')) seen[seen.length - 1] = last + hex(bytes);
      else seen.push(`data ${hex(bytes)}`);
    },
    onSubnegotiation: (option, bytes) => seen.push(`sub ${option} ${hex(bytes)}`),
    onOption: (option, theirs, on) => seen.push(`option ${option} ${theirs ? 'theirs' : 'ours'} ${on}`),
    send: (bytes) => seen.push(`send ${hex(bytes)}`),
  });
  return { seen, telnet };
}

// Data with a doubled 255, WILL COM-PORT, DO ECHO (refused), NOP, a subnegotiation with a doubled 255, data.
const stream = Buffer.from('4142ffff43fffb2cfffd01fff1fffa2c0100ffff00fff044', 'hex');
const expected = [
  'data 4142ff43',
  'send fffd2c',
  'option 44 theirs true',
  'send fffc01',
  'option 1 ours false',
  'sub 44 0100ff00',
  'data 44',
];

test.each([...stream.keys()])('cut after byte %i', (cut) => {
  const { seen, telnet } = record();
  telnet.push(stream.subarray(0, cut));
  telnet.push(stream.subarray(cut));
  expect(seen).toEqual(expected);
});

test('what was proposed is not answered again', () => {
  const { seen, telnet } = record();
  telnet.propose(44);
  telnet.push(Buffer.from('fffd2cfffb2c', 'hex'));
  expect(seen).toEqual(['send fffb2cfffd2c', 'option 44 ours true', 'option 44 theirs true']);
});

test('a subnegotiation without end is dropped, what follows is read', () => {
  const { seen, telnet } = record();
  telnet.push(Buffer.from(`fffa2c${'00'.repeat(2000)}fff041`, 'hex'));
  expect(seen).toEqual(['data 41']);
});

test('255 is doubled on the way out', () => {
  const { seen, telnet } = record();
  telnet.sendData(Uint8Array.of(1, 255, 2));
  telnet.sendSubnegotiation(44, Uint8Array.of(255));
  expect(seen).toEqual(['send 01ffff02', 'send fffa2cfffffff0']);
});
