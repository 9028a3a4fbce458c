// Node's floor: WebSocket frames over bare `net` sockets, without checks, limits, history or topics of more than one
// connection. No server that anybody should run; what it costs, any server in Node costs.
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';

const subscribers = new Map();

function answer(socket, head) {
  const key = /^sec-websocket-key: *(\S+)/im.exec(head)[1];
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
}

function relay(topic, data) {
  // Short frames only, and whole ones: what the load generator sends.
  for (let at = 0; at < data.length; ) {
    const length = data[at + 1] & 0x7f;
    const frame = Buffer.allocUnsafe(2 + length);
    frame[0] = 0x82;
    frame[1] = length;
    for (let index = 0; index < length; index++) frame[2 + index] = data[at + 6 + index] ^ data[at + 2 + (index & 3)];
    for (const subscriber of subscribers.get(topic) ?? []) subscriber.write(frame);
    at += 6 + length;
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {});
  socket.once('data', (head) => {
    const { pathname, searchParams } = new URL(/^GET (\S+)/.exec(head)[1], 'http://host');
    const topic = searchParams.get('t');
    if (pathname === '/sub') {
      if (!subscribers.has(topic)) subscribers.set(topic, []);
      subscribers.get(topic).push(socket);
    }
    socket.on('data', (data) => relay(topic, data));
    answer(socket, head.toString('latin1'));
  });
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
