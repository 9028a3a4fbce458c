import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { Rfc2217Server, type ServedPort } from './rfc2217-server.ts';

const port: ServedPort = { baud: 9600, parity: 'none', write() {}, setLines() {}, discard() {} };

it('gives the modem state once, before its first answer, to a client that never answers the offer', async () => {
  const server = await Rfc2217Server.listen(0, port);
  const socket = connect(server.tcpPort, '127.0.0.1');
  try {
    let received = '';
    const setBaud = Buffer.from('fffa2c0100002580fff0', 'hex');
    socket.write(Buffer.concat([setBaud, setBaud]));
    while (received.split('fffa2c6500002580fff0').length < 3) {
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      received += bytes.toString('hex');
    }
    const commands = [...received.matchAll(/fffa2c(..)/g)].map(([, command]) => Number.parseInt(command!, 16));
    expect(commands).toEqual([107, 101, 101]);
  } finally {
    socket.destroy();
    await server.close();
  }
});
