// Bun's native uWebSockets pub/sub: one topic a connection, named in the address. Run by Bun.
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch(request, server) {
    const { pathname, searchParams } = new URL(request.url);
    server.upgrade(request, { data: { subscribes: pathname === '/sub', topic: searchParams.get('t') } });
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      if (socket.data.subscribes) socket.subscribe(socket.data.topic);
    },
    message(socket, message) {
      server.publish(socket.data.topic, message);
    },
  },
});
console.log(JSON.stringify({ port: server.port }));
