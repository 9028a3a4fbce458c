/** The transport contract over every transport: a real pty, serialport's mock, TCP, and an emulated board. */
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SerialPortMock } from 'serialport';
import { decodeMessage, messages, type Packet } from '../../host/link/index.ts';
import { openTransport } from '../../host/transport/open.ts';
import { Rfc2217Server } from '../../host/transport/rfc2217-server.ts';
import type { SerialBinding } from '../../host/transport/serial.ts';
import type { Connection, Transport } from '../../host/transport/transport.ts';
import { EchoPty } from './pty.ts';
import { type TransportFixture, transportContract } from './transport.contract.ts';

/** The session number in our own request, come back. */
function echoed({ type, payload }: Packet): number | undefined {
  return type === messages.hello_request.type ? payload[0]! | (payload[1]! << 8) : undefined;
}

transportContract('serial: over a real pty', async (): Promise<TransportFixture> => {
  const folder = mkdtempSync(join(tmpdir(), 'earl-pty-'));
  const pty = new EchoPty(join(folder, 'port'));
  await pty.start();
  return {
    transport: await openTransport(`serial:${pty.path}?baud=115200`),
    answer: echoed,
    echoes: true,
    burst: 20,
    farEnd: { vanish: () => pty.stop(), comeBack: () => pty.start() },
    dispose: async () => {
      await pty.stop();
      rmSync(folder, { recursive: true });
    },
  };
});

interface MockPort {
  pendingRead: ((error: Error) => void) | null;
}

/** serialport's mock, with the cable that it lacks: `unplug` fails the read that waits and forgets the port. */
function mockBinding(path: string) {
  const { binding } = SerialPortMock;
  let open: MockPort | undefined;
  const plug = () => binding.createPort(path, { echo: true });
  const unplug = () => {
    binding.reset();
    open?.pendingRead?.(new Error('unplugged'));
  };
  const serialBinding: SerialBinding = {
    list: () => binding.list(),
    async open(options) {
      const port = await binding.open(options);
      open = port as unknown as MockPort;
      return port;
    },
  };
  return { serialBinding, plug, unplug };
}

transportContract("serial: over serialport's mock", async (): Promise<TransportFixture> => {
  const { serialBinding, plug, unplug } = mockBinding('/dev/mock0');
  plug();
  return {
    transport: await openTransport('serial:/dev/mock0', { serialBinding }),
    answer: echoed,
    echoes: true,
    burst: 20,
    farEnd: { vanish: async () => unplug(), comeBack: async () => plug() },
    dispose: async () => unplug(),
  };
});

class EchoServer {
  port = 0;
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();

  async start(): Promise<void> {
    const server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {}); // the other side went away in the middle of a test
      socket.on('close', () => this.sockets.delete(socket));
      socket.pipe(socket);
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    for (const socket of this.sockets) socket.destroy();
    if (server) await new Promise((resolve) => server.close(resolve));
  }
}

transportContract('tcp:', async (): Promise<TransportFixture> => {
  const server = new EchoServer();
  await server.start();
  return {
    transport: await openTransport(`tcp:127.0.0.1:${server.port}`),
    answer: echoed,
    echoes: true,
    burst: 20,
    farEnd: { vanish: () => server.stop(), comeBack: () => server.start() },
    dispose: () => server.stop(),
  };
});

class Rfc2217Echo {
  port = 0;
  private server: Rfc2217Server | undefined;

  async start(): Promise<void> {
    const echo = (bytes: Uint8Array) => this.server?.write(bytes);
    this.server = await Rfc2217Server.listen(this.port, {
      baud: 9600,
      parity: 'none',
      write: echo,
      setLines: () => {},
      discard: () => {},
    });
    this.port = this.server.tcpPort;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    await server?.close();
  }
}

transportContract('rfc2217:', async (): Promise<TransportFixture> => {
  const server = new Rfc2217Echo();
  await server.start();
  return {
    transport: await openTransport(`rfc2217://127.0.0.1:${server.port}`),
    answer: echoed,
    echoes: true,
    burst: 20,
    farEnd: { vanish: () => server.stop(), comeBack: () => server.start() },
    dispose: () => server.stop(),
  };
});

/** The ball's own firmware answers; it cannot vanish, and has room for two answers. */
transportContract('emu:', async (): Promise<TransportFixture> => {
  const transport = await openTransport('emu:ball?world=still');
  await firstByte(transport);
  return {
    transport,
    answer: (packet) => {
      const message = decodeMessage(packet);
      return typeof message === 'object' && message.name === 'hello' ? message.session : undefined;
    },
    echoes: false,
    burst: 2,
    dispose: async () => {},
  };
});

/** A probe listens once it has started, and says so. */
async function firstByte(transport: Transport): Promise<void> {
  let connection: Connection | undefined;
  await new Promise<void>((resolve, reject) => {
    transport.connect({ onData: () => resolve(), onClose: reject }).then((opened) => {
      connection = opened;
    }, reject);
  });
  await connection?.close();
}
