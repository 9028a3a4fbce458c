/**
 * `uart:PORT[?baud=N][&rtscts]`: an HCI controller on a serial port, H4, e.g. a dongle with Zephyr's hci_uart.
 *
 * Zephyr's sample runs at 1 000 000 baud with hardware flow control. H4 wants RTS/CTS, but adapters on USB CDC ACM have
 * none, so it is off unless asked for.
 */
import type { SerialPort } from 'serialport';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { HciPort } from './hci-port.ts';
import { streamPort } from './stream-port.ts';

const DEFAULT_BAUD = 1_000_000;
/** Now and then the system is asked whether the device is still there: a hung-up port may read as empty for ever. */
const ALIVE_CHECK_MS = 500;

export interface UartAddress {
  readonly path: string;
  readonly baud: number;
  readonly rtscts: boolean;
}

/** Throws `USAGE`. */
export function parseUartUrl(url: string): UartAddress {
  const [path = '', query = ''] = url.slice('uart:'.length).split('?', 2);
  const parameters = new URLSearchParams(query);
  const unknown = [...parameters.keys()].find((name) => name !== 'baud' && name !== 'rtscts');
  const baud = Number(parameters.get('baud') ?? DEFAULT_BAUD);
  if (path === '' || unknown !== undefined || !Number.isInteger(baud) || baud < 300 || baud > 12_000_000) {
    throw new EarlError(
      'USAGE',
      `"${url}" is no adapter on a serial port: write uart:PORT?baud=N, e.g. uart:/dev/ttyACM0?baud=1000000, with &rtscts for hardware flow control`,
    );
  }
  return { path, baud, rtscts: parameters.has('rtscts') };
}

/** Rejects with `TRANSPORT_NOT_FOUND`, `TRANSPORT_PERMISSION`, `TRANSPORT_BUSY` or `TRANSPORT_FAILED`. */
export async function openUart(url: string): Promise<HciPort> {
  const { path, baud, rtscts } = parseUartUrl(url);
  const { SerialPort: Port } = await import('serialport');
  const port = new Port({ path, baudRate: baud, rtscts, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error ? reject(explain(error, path)) : resolve()));
  });
  const timer = watch(port);
  return streamPort(`uart:${path}`, port, () => {
    clearInterval(timer);
    // What was written leaves first.
    port.drain(() => port.isOpen && port.close(() => {}));
  });
}

function watch(port: SerialPort): NodeJS.Timeout {
  const timer = setInterval(() => {
    port.port?.getBaudRate().catch((error: unknown) => {
      if (port.isOpen) port.emit('error', new Error(`the device is gone (${errorMessage(error)})`));
    });
  }, ALIVE_CHECK_MS);
  return timer.unref();
}

const KINDS: readonly (readonly [RegExp, code: string, hint: string])[] = [
  [/no such file|file not found|does not exist|no such device/i, 'TRANSPORT_NOT_FOUND', 'earl devices lists the ports'],
  [
    /cannot lock|is locked|resource busy|temporarily unavailable|access denied/i,
    'TRANSPORT_BUSY',
    'another program has it open',
  ],
  [
    /permission denied|operation not permitted/i,
    'TRANSPORT_PERMISSION',
    'join the group of the device, usually dialout',
  ],
];

function explain(error: Error, path: string): EarlError {
  const kind = KINDS.find(([pattern]) => pattern.test(error.message));
  const [, code, hint] = kind ?? [undefined, 'TRANSPORT_FAILED', 'check the port'];
  return new EarlError(code, `cannot open the Bluetooth adapter on ${path}: ${hint} (${error.message})`, {
    cause: error,
  });
}
