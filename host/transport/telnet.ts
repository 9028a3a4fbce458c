/**
 * Telnet as far as RFC 2217 needs it: bytes and commands told apart (RFC 854), options agreed on (RFC 855, with the rule
 * of RFC 1143 that only changes are answered), subnegotiations taken whole. Both ends of the COM port option use it.
 */

export const IAC = 255;
export const telnet = { SE: 240, SB: 250, WILL: 251, WONT: 252, DO: 253, DONT: 254 } as const;
export const option = { binary: 0, echo: 1, suppressGoAhead: 3, comPort: 44 } as const;

/** A longer subnegotiation is dropped: the COM port option's are a signature at most. */
const SUBNEGOTIATION_LIMIT = 512;

export interface TelnetHandlers {
  onData(bytes: Uint8Array): void;
  onSubnegotiation(option: number, bytes: Uint8Array): void;
  /** The other end agreed to or refused an option that it performs (`theirs`) or lets us perform. */
  onOption?(option: number, theirs: boolean, on: boolean): void;
  send(bytes: Uint8Array): void;
}

const accepted: ReadonlySet<number> = new Set([option.binary, option.suppressGoAhead, option.comPort]);

export class Telnet {
  private readonly handlers: TelnetHandlers;
  private state: 'data' | 'iac' | 'verb' | 'sb' | 'sb-iac' = 'data';
  private verb = 0;
  private sub: number[] = [];
  /** Agreed or asked for: ours by option number, theirs by number + 256. */
  private readonly on = new Set<number>();

  constructor(handlers: TelnetHandlers) {
    this.handlers = handlers;
  }

  /** Offers to perform an option (WILL) and asks the other end to (DO). */
  propose(number: number): void {
    this.on.add(number);
    this.on.add(number + 256);
    this.handlers.send(Uint8Array.of(IAC, telnet.WILL, number, IAC, telnet.DO, number));
  }

  /** Data, with every 255 doubled. */
  sendData(bytes: Uint8Array): void {
    this.handlers.send(doubled(bytes));
  }

  sendSubnegotiation(number: number, bytes: Uint8Array): void {
    this.handlers.send(Uint8Array.of(IAC, telnet.SB, number, ...doubled(bytes), IAC, telnet.SE));
  }

  push(bytes: Uint8Array): void {
    const data: number[] = [];
    for (const byte of bytes) this.take(byte, data);
    this.flush(data);
  }

  private flush(data: number[]): void {
    if (data.length > 0) this.handlers.onData(Uint8Array.from(data.splice(0)));
  }

  private take(byte: number, data: number[]): void {
    switch (this.state) {
      case 'data':
        if (byte === IAC) this.state = 'iac';
        else data.push(byte);
        return;
      case 'iac':
        this.command(byte, data);
        return;
      case 'verb':
        this.state = 'data';
        this.flush(data);
        this.negotiate(this.verb, byte);
        return;
      case 'sb':
        if (byte === IAC) this.state = 'sb-iac';
        else this.sub.push(byte);
        if (this.sub.length > SUBNEGOTIATION_LIMIT) this.sub.length = SUBNEGOTIATION_LIMIT + 1;
        return;
      case 'sb-iac':
        if (byte === IAC) {
          this.sub.push(IAC);
          this.state = 'sb';
          return;
        }
        this.state = 'data';
        this.flush(data);
        if (byte === telnet.SE && this.sub.length > 0 && this.sub.length <= SUBNEGOTIATION_LIMIT) {
          this.handlers.onSubnegotiation(this.sub[0]!, Uint8Array.from(this.sub.slice(1)));
        }
    }
  }

  private command(byte: number, data: number[]): void {
    this.state = 'data';
    if (byte === IAC) data.push(IAC);
    else if (byte === telnet.SB) {
      this.sub = [];
      this.state = 'sb';
    } else if (byte >= telnet.WILL) {
      this.verb = byte;
      this.state = 'verb';
    }
    // Other commands (NOP, break, are you there) mean nothing on a serial line.
  }

  private negotiate(verb: number, number: number): void {
    const theirs = verb === telnet.WILL || verb === telnet.WONT;
    const wanted = (verb === telnet.WILL || verb === telnet.DO) && accepted.has(number);
    const asked = verb === telnet.WILL || verb === telnet.DO;
    const key = theirs ? number + 256 : number;
    const changes = this.on.has(key) !== wanted;
    if (wanted) this.on.add(key);
    else this.on.delete(key);
    if (changes || (asked && !wanted)) {
      const [yes, no] = theirs ? [telnet.DO, telnet.DONT] : [telnet.WILL, telnet.WONT];
      this.handlers.send(Uint8Array.of(IAC, wanted ? yes : no, number));
    }
    this.handlers.onOption?.(number, theirs, wanted);
  }
}

function doubled(bytes: Uint8Array): Uint8Array {
  return bytes.includes(IAC)
    ? Uint8Array.from([...bytes].flatMap((byte) => (byte === IAC ? [IAC, IAC] : [byte])))
    : bytes;
}
