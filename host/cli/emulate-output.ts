/**
 * What `earl emulate` writes to stdout: trace events as JSON lines or as lines for people, and what the UART said.
 *
 * UART bytes are put together until a line ends or the line is quiet for 20 ms of board time; a group of printable
 * characters is shown as text, anything else in hex. Output is handed over once a slice; `drained` is for whoever runs
 * the board faster than its output is read.
 */

import { once } from 'node:events';
import { type TraceEvent, traceLine } from '../emulator/index.ts';

const QUIET_S = 0.02;
const MAX_GROUP = 256;
const NEWLINE = 10;

export class EmulateOutput {
  private readonly stream: NodeJS.WriteStream;
  private readonly json: boolean;
  private text = '';
  private group: number[] = [];
  private groupStartedAt = 0;
  private lastByteAt = 0;
  /** True when nobody reads any more (`| head`). */
  broken = false;

  constructor(stream: NodeJS.WriteStream, json: boolean) {
    this.stream = stream;
    this.json = json;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      this.broken = true;
    });
  }

  event(event: TraceEvent & { t: number }): void {
    if (this.json) this.text += `${JSON.stringify({ ...event, t: Number(event.t.toFixed(9)) })}\n`;
    else this.text += `${traceLine(event)}\n`;
  }

  /** A JSON line that is no event. */
  object(value: object): void {
    this.text += `${JSON.stringify(value)}\n`;
  }

  /** A byte that the board sent. */
  byte(byte: number, t: number): void {
    this.quiet(t);
    if (this.group.length === 0) this.groupStartedAt = t;
    this.group.push(byte);
    this.lastByteAt = t;
    if (byte === NEWLINE || this.group.length === MAX_GROUP) this.endGroup();
  }

  /** Hands over what has come together by time `t`. */
  flush(t: number): void {
    this.quiet(t);
    if (this.text === '' || this.broken) return;
    this.stream.write(this.text);
    this.text = '';
  }

  /** Waits until the reader keeps up. */
  async drained(): Promise<void> {
    if (!this.broken && this.stream.writableNeedDrain)
      await Promise.race([once(this.stream, 'drain'), closed(this.stream)]);
  }

  end(): void {
    this.endGroup();
    this.flush(0);
  }

  private quiet(t: number): void {
    if (this.group.length > 0 && t - this.lastByteAt > QUIET_S) this.endGroup();
  }

  private endGroup(): void {
    if (this.group.length === 0) return;
    this.text += `${this.groupStartedAt.toFixed(6).padStart(12)}  uart  ${readable(this.group)}\n`;
    this.group = [];
  }
}

async function closed(stream: NodeJS.WriteStream): Promise<void> {
  await once(stream, 'close').catch(() => {});
}

function readable(bytes: readonly number[]): string {
  const text = String.fromCharCode(...bytes).replace(/\r?\n$/, '');
  if (/^[\t\x20-\x7e]*$/.test(text)) return text;
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
