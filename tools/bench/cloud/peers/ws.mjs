// The server that one writes first with `ws`: one topic a connection, a send for each subscriber.
import { WebSocketServer } from 'ws';

const subscribers = new Map();
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false }, () =>
  console.log(JSON.stringify({ port: server.address().port })),
);
server.on('connection', (socket, request) => {
  const { pathname, searchParams } = new URL(request.url, 'http://host');
  const topic = searchParams.get('t');
  if (pathname === '/sub') {
    if (!subscribers.has(topic)) subscribers.set(topic, new Set());
    subscribers.get(topic).add(socket);
    socket.on('close', () => subscribers.get(topic).delete(socket));
  } else {
    socket.on('message', (message) => {
      for (const subscriber of subscribers.get(topic) ?? []) subscriber.send(message);
    });
  }
});
