// Socket.IO with rooms, WebSocket transport, binary payloads.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
io.on('connection', (socket) => {
  const { role, t } = socket.handshake.query;
  if (role === 'sub') socket.join(t);
  socket.on('m', (payload) => io.to(t).emit('m', payload));
  socket.emit('ready');
});
http.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: http.address().port })));
