/** A flash line to an emulated board's adapter in the board's own time: no sockets, no waiting. */
import { EarlError } from '../../errors/index.ts';
import { type Board, BslAdapter, type BslAdapterOptions } from '../../host/emulator/index.ts';
import type { FlashLine } from '../../host/flash/index.ts';

const STEP_S = 0.001;

export class BoardLine implements FlashLine {
  readonly name: string;
  readonly adapter: BslAdapter;
  /** Called before each write: throw to pull the cable. */
  onWrite: (bytes: Uint8Array) => void = () => {};
  /** Everything that was written, frame by frame. */
  readonly written: Uint8Array[] = [];
  private readonly board: Board;
  private received: number[] = [];

  constructor(board: Board, options: BslAdapterOptions = {}, name = 'test') {
    this.board = board;
    this.name = name;
    this.adapter = new BslAdapter(board, options);
    this.adapter.parity = 'even';
    this.adapter.onByte = (byte) => this.received.push(byte);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.onWrite(bytes);
    this.written.push(bytes);
    this.adapter.send(bytes);
    while (this.adapter.waiting > 0) this.board.runFor(STEP_S);
  }

  async read(count: number, timeoutMs: number): Promise<Uint8Array> {
    const end = this.board.seconds + timeoutMs / 1000;
    while (this.received.length < count && this.board.seconds < end) this.board.runFor(STEP_S);
    return Uint8Array.from(this.received.splice(0, count));
  }

  async flush(): Promise<void> {
    this.received = [];
  }

  async setModem(lines: { dtr: boolean; rts: boolean }): Promise<void> {
    this.adapter.setLines(lines);
  }

  async setBaud(baud: number): Promise<void> {
    this.adapter.baud = baud;
  }

  async delay(ms: number): Promise<void> {
    this.board.runFor(ms / 1000);
  }

  async close(): Promise<void> {}
}

/** What a line throws when its cable is gone. */
export function cablePulled(): EarlError {
  return new EarlError('FLASH_LOST', 'test was lost (the other end is gone): is the cable still plugged in?');
}
