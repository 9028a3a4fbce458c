/**
 * Serves a serial port with its rate, parity and modem lines over TCP (RFC 2217), to one client at a time.
 *
 * What the port is, the caller says; a setting that it does not take is answered with the one in force, as the RFC asks.
 * Bytes for a client that does not read are dropped beyond 64 KiB and counted. Left out: flow control, line states,
 * changes of modem states (an emulated board has none).
 */

import { createServer, type Server, type Socket } from 'node:net';
import { EarlError } from '../../errors/index.ts';
import { comPort, control, type Parity, parityCodes, parityName, purge, SERVER } from './rfc2217-codes.ts';
import { option, Telnet } from './telnet.ts';

const BUFFER_LIMIT = 65_536;
/** CTS, DSR and carrier are there. */
const MODEM_STATE = 0xb0;
/** A client that closed and comes back may be seen before its going. */
const GOING_MS = 200;
const SIGNATURE = 'Earl';

/** The port that is served. Setters that cannot do what is asked leave it as it was. */
export interface ServedPort {
  baud: number;
  parity: Parity;
  /** Bytes from the client. */
  write(bytes: Uint8Array): void;
  setLines(lines: { dtr?: boolean; rts?: boolean }): void;
  /** Forgets bytes that wait to be sent. */
  discard(): void;
}

export class Rfc2217Server {
  /** Bytes that found no reader. */
  lost = 0;

  private readonly port: ServedPort;
  private readonly server: Server;
  private socket: Socket | undefined;
  private telnet: Telnet | undefined;
  private lines = { dtr: true, rts: true };

  /** Listens on a port of 127.0.0.1, 0 for any. Rejects with `PORT_IN_USE` or `TRANSPORT_FAILED`. */
  static listen(tcpPort: number, port: ServedPort): Promise<Rfc2217Server> {
    return new Promise((resolve, reject) => {
      const server = createServer();
      const served = new Rfc2217Server(server, port);
      server.once('error', (error: NodeJS.ErrnoException) => {
        const code = error.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'TRANSPORT_FAILED';
        reject(new EarlError(code, `cannot listen on 127.0.0.1:${tcpPort}: ${error.message}`, { cause: error }));
      });
      server.listen(tcpPort, '127.0.0.1', () => resolve(served));
    });
  }

  private constructor(server: Server, port: ServedPort) {
    this.server = server;
    this.port = port;
    server.on('connection', (socket) => this.receive(socket));
  }

  get tcpPort(): number {
    const address = this.server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  /** Bytes from the port. */
  write(bytes: Uint8Array): void {
    const { socket, telnet } = this;
    if (socket === undefined || telnet === undefined || socket.writableLength + bytes.length > BUFFER_LIMIT) {
      this.lost += bytes.length;
    } else telnet.sendData(bytes);
  }

  close(): Promise<void> {
    this.socket?.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  /** A serial line has one other end: whoever comes second is sent away, unless the first is just going. */
  private receive(socket: Socket): void {
    socket.on('error', () => {});
    const first = this.socket;
    if (first === undefined) {
      this.accept(socket);
      return;
    }
    const decide = () => {
      clearTimeout(timer);
      first.off('close', decide);
      if (this.socket === undefined) this.accept(socket);
      else socket.destroy();
    };
    const timer = setTimeout(decide, GOING_MS);
    first.on('close', decide);
  }

  private accept(socket: Socket): void {
    this.socket = socket;
    socket.setNoDelay(true);
    // Clients ask the modem lines of the first notice they got, and some never ask for one. pyserial does not even answer
    // our offer when it takes it for the answer to its own, so its first command counts as agreement too.
    let noticed = false;
    const notice = () => {
      if (!noticed) this.answer(comPort.modemState, [MODEM_STATE]);
      noticed = true;
    };
    const telnet = new Telnet({
      onData: (bytes) => this.port.write(bytes),
      onSubnegotiation: (number, bytes) => {
        if (number !== option.comPort || bytes.length === 0) return;
        notice();
        this.command(bytes[0]!, bytes.subarray(1));
      },
      onOption: (number, _theirs, on) => {
        if (number === option.comPort && on) notice();
      },
      send: (bytes) => socket.write(bytes),
    });
    this.telnet = telnet;
    socket.on('data', (bytes) => telnet.push(bytes));
    socket.on('close', () => {
      this.socket = undefined;
      this.telnet = undefined;
      // Nobody drives the lines: they rest where the board runs.
      this.setLines({ dtr: true, rts: true });
    });
    for (const number of [option.binary, option.suppressGoAhead, option.comPort]) telnet.propose(number);
  }

  private command(command: number, value: Uint8Array): void {
    switch (command) {
      case comPort.signature:
        if (value.length === 0) this.answer(command, new TextEncoder().encode(SIGNATURE));
        return;
      case comPort.baud:
        this.setBaud(value);
        return;
      case comPort.dataSize:
        this.answer(command, [8]);
        return;
      case comPort.parity:
        this.setParity(value[0] ?? 0);
        return;
      case comPort.stopSize:
        this.answer(command, [value[0] === 2 ? 2 : 1]);
        return;
      case comPort.control:
        this.control(value[0] ?? 0);
        return;
      case comPort.modemStateMask:
        this.answer(command, value);
        this.answer(comPort.modemState, [MODEM_STATE & (value[0] ?? 0xff)]);
        return;
      case comPort.lineStateMask:
        this.answer(command, [0]);
        return;
      case comPort.purge:
        if (value[0] === purge.waiting || value[0] === purge.both) this.port.discard();
        this.answer(command, value);
        return;
    }
  }

  private setBaud(value: Uint8Array): void {
    if (value.length !== 4) return;
    const asked = new DataView(value.buffer, value.byteOffset).getUint32(0);
    if (asked !== 0)
      attempt(() => {
        this.port.baud = asked;
      });
    const answer = new Uint8Array(4);
    new DataView(answer.buffer).setUint32(0, this.port.baud);
    this.answer(comPort.baud, answer);
  }

  private setParity(code: number): void {
    const asked = parityName(code);
    if (asked !== undefined)
      attempt(() => {
        this.port.parity = asked;
      });
    this.answer(comPort.parity, [parityCodes[this.port.parity]]);
  }

  private control(value: number): void {
    if (value === control.dtrOn || value === control.dtrOff) this.setLines({ dtr: value === control.dtrOn });
    if (value === control.rtsOn || value === control.rtsOff) this.setLines({ rts: value === control.rtsOn });
    this.answer(comPort.control, [this.controlAnswer(value)]);
  }

  private controlAnswer(value: number): number {
    if (value <= 3 || value >= 17) return control.flowNone;
    if (value <= control.breakOff) return control.breakOff;
    if (value <= control.dtrOff) return this.lines.dtr ? control.dtrOn : control.dtrOff;
    if (value <= control.rtsOff) return this.lines.rts ? control.rtsOn : control.rtsOff;
    return control.inboundFlowNone;
  }

  private setLines(lines: { dtr?: boolean; rts?: boolean }): void {
    this.lines = { ...this.lines, ...lines };
    this.port.setLines(this.lines);
  }

  private answer(command: number, value: Iterable<number>): void {
    this.telnet?.sendSubnegotiation(option.comPort, Uint8Array.of(command + SERVER, ...value));
  }
}

/** The answer says what is in force: a setting that the port refuses is no error. */
function attempt(set: () => void): void {
  try {
    set();
  } catch {
    // The caller answers with what is in force.
  }
}
