/**
 * `earl monitor`: prints what a probe says, decoded, and sends nothing.
 *
 * stdout: messages, damaged frames, bytes; with --json everything, one object a line. stderr: connections, and the counters
 * at the end.
 */

import { Command, InvalidArgumentError } from 'commander';
import { EarlError } from '../../errors/index.ts';
import { systemClock } from '../gateway/index.ts';
import { listSerialPorts, onlyProbePort } from '../transport/list.ts';
import { openTransport, transportForms } from '../transport/open.ts';
import { parseDurationMs } from './duration.ts';
import { errorCount, MonitorDecoder } from './monitor-decoder.ts';
import { PortMonitor } from './monitor-port.ts';
import { countersText, dumpLines, eventObject, eventText, hex } from './monitor-text.ts';
import { closeAll, stopSignal } from './service.ts';

interface MonitorFlags {
  raw?: true;
  json?: true;
  timestamps?: true;
  baud?: number;
  hello?: true;
  for?: number;
}

/** Raw bytes are put together until a line is full or nothing came for so long. */
const QUIET_MS = 50;
const LINE_BYTES = 16;
/** What may wait for a slow reader of stdout; more is dropped, and counted. */
const MAX_WAITING_BYTES = 1 << 20;

const examples = `
PORT is the path of a serial port, "auto" for the only LaunchPad that is attached, or a transport:
${transportForms.join(', ')}.

The monitor only listens: it greets nobody, so the probe does not notice it (an emulated one is switched on by it). Except by
Bluetooth: a probe behind a module speaks when it was spoken to, and so is greeted. A port, or a module, has one user: end
the gateway first. What cannot be decoded is shown in hex with the reason. A connection that is lost
is looked for until it is back; Ctrl-C ends with the counters, and the exit code 0. When the first connection fails the exit
code says why: 3 no such port, 4 busy or forbidden.

Examples:
  $ earl monitor /dev/ttyACM0 --timestamps
  $ earl monitor emu:ball --for 10s
  $ earl emulate light --pty /tmp/ttyEarl &
  $ earl monitor /tmp/ttyEarl --json | jq 'select(.name == "light_sample") | .quantities'
  $ earl monitor /dev/ttyUSB0 --raw --baud 115200
      any firmware: what comes, in hex and ASCII
  $ earl monitor ble:Earl44556677
      a probe behind a Bluetooth module; ble:Earl44556677?adapter=hci1 names the adapter
  $ earl monitor auto --hello
      asks the probe who it is; it then forgets the last command of another host`;

export function monitorCommand(): Command {
  return new Command('monitor')
    .description('Print what a probe says, without disturbing it')
    .argument('<port>', 'path of a serial port, "auto", or a transport such as emu:ball or tcp:HOST:PORT')
    .option('--raw', 'bytes in hex and ASCII, not decoded')
    .option('--json', 'one JSON object a line on stdout')
    .option('--timestamps', 'time of day before each line; JSON has it anyway')
    .option('--baud <rate>', 'rate of a serial port, 9600 when absent', parseBaud)
    .option('--hello', 'greet the probe at each connection; always so by Bluetooth')
    .option('--for <duration>', 'stop after this time, e.g. 10s, 2m', parseDurationMs)
    .addHelpText('after', examples)
    .action(run);
}

function parseBaud(text: string): number {
  if (/^\d{3,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Give a rate in baud, e.g. 9600.');
}

/** The transport that the user means. Throws `USAGE`, and `TRANSPORT_NOT_FOUND` for `auto` without a board. */
export async function monitorUrl(target: string, baud: number | undefined): Promise<string> {
  const url = /^[a-z][a-z0-9]+:./.test(target)
    ? target
    : target === 'auto'
      ? onlyProbePort(await listSerialPorts()).url
      : `serial:${target}`;
  if (baud === undefined) return url;
  if (/[?&]baud=/.test(url)) throw new EarlError('USAGE', `"${url}" names a rate already: leave --baud out`);
  if (!/^(serial|emu|rfc2217):/.test(url))
    throw new EarlError('USAGE', `--baud is for serial ports, and "${url}" is none`);
  return `${url}${url.includes('?') ? '&' : '?'}baud=${baud}`;
}

async function run(target: string, flags: MonitorFlags): Promise<void> {
  const signal = stopSignal();
  const url = await monitorUrl(target, flags.baud);
  const output = new MonitorOutput(flags, () => signal.stop());
  const decoder = new MonitorDecoder((event) => output.line(eventText(event), eventObject(event)));
  const transport = await openTransport(url, {
    emulated: { log: (message) => output.note(message, { event: 'warning', message }) },
  });
  const monitor = new PortMonitor({
    transport,
    clock: systemClock,
    greetWith: flags.hello || transport.exclusive ? 1 + Math.floor(Math.random() * 0xffff) : undefined,
    handlers: {
      onBytes: (bytes) => (flags.raw ? output.bytes(bytes) : decoder.push(bytes)),
      onConnected: (again) =>
        output.note(`${again ? 'again connected to' : 'listening to'} ${url}`, { event: 'connected', url }),
      onLost: () => {
        decoder.suspend();
        output.endLine();
      },
      onRetry: (reason, delayMs) =>
        output.note(`${reason}; trying again in ${(delayMs / 1000).toFixed(1)} s, until it is back`, {
          event: 'lost',
          message: reason,
          retryMs: delayMs,
        }),
    },
  });
  const startedMs = systemClock.nowMs();
  const timer = flags.for === undefined ? undefined : setTimeout(signal.stop, flags.for);
  try {
    await Promise.race([monitor.run(), signal.stopped]);
  } finally {
    clearTimeout(timer);
    await closeAll([() => monitor.stop()]);
  }
  output.endLine();
  const seconds = (systemClock.nowMs() - startedMs) / 1000;
  const { reconnections } = monitor;
  if (flags.raw) {
    const summary = { event: 'counters', bytes: output.heard, seconds, reconnections };
    output.note(`${output.heard} bytes in ${seconds.toFixed(1)} s; ${reconnections} reconnections`, summary);
  } else {
    const { counters } = decoder;
    const errors = errorCount(counters);
    output.note(countersText(counters, seconds, reconnections), {
      event: 'counters',
      ...counters,
      errors,
      seconds,
      reconnections,
    });
  }
  if (output.dropped > 0) console.error(`earl: ${output.dropped} lines were dropped: stdout was not read fast enough`);
}

/** Lines to stdout, notes to stderr; with --json all to stdout. */
class MonitorOutput {
  /** Bytes given to `bytes`. */
  heard = 0;
  /** Lines that found no reader in time. */
  dropped = 0;

  private readonly flags: MonitorFlags;
  private broken = false;
  private waiting: number[] = [];
  private quiet: NodeJS.Timeout | undefined;

  constructor(flags: MonitorFlags, onBroken: () => void) {
    this.flags = flags;
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      this.broken = true; // `| head` has read enough
      onBroken();
    });
  }

  line(text: string, object: object): void {
    if (this.flags.json) this.write(JSON.stringify({ time: new Date().toISOString(), ...object }));
    else this.write(this.flags.timestamps ? `${timeOfDay()}  ${text}` : text);
  }

  note(text: string, object: object): void {
    if (this.flags.json) this.line(text, object);
    else console.error(this.flags.timestamps ? `${timeOfDay()}  ${text}` : text);
  }

  bytes(bytes: Uint8Array): void {
    this.heard += bytes.length;
    clearTimeout(this.quiet);
    for (const byte of bytes) {
      this.waiting.push(byte);
      if (this.waiting.length === LINE_BYTES) this.endLine();
    }
    if (this.waiting.length > 0) this.quiet = setTimeout(() => this.endLine(), QUIET_MS);
  }

  /** Shows the raw bytes that wait for more. */
  endLine(): void {
    clearTimeout(this.quiet);
    if (this.waiting.length === 0) return;
    const bytes = Uint8Array.from(this.waiting);
    this.waiting = [];
    for (const text of dumpLines(bytes)) this.line(text, { event: 'bytes', hex: hex(bytes).replaceAll(' ', '') });
  }

  private write(line: string): void {
    if (this.broken) return;
    if (process.stdout.writableLength > MAX_WAITING_BYTES) this.dropped++;
    else process.stdout.write(`${line}\n`);
  }
}

/** `12:34:56.789`, local. */
function timeOfDay(): string {
  const now = new Date();
  return `${now.toTimeString().slice(0, 8)}.${String(now.getMilliseconds()).padStart(3, '0')}`;
}
