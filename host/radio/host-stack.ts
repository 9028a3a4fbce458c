/** What openCentral and openPeripheral have in common: waiting until noble or bleno is powered on, and giving way cleanly. */
import type { EventEmitter } from 'node:events';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { Adapter, OpenAdapterOptions } from './adapter.ts';

const DEFAULT_TIMEOUT_MS = 5000;

export function stackUnavailable(name: string, cause: unknown): EarlError {
  return new EarlError(
    'TRANSPORT_FAILED',
    `${name} cannot be loaded on this machine (${errorMessage(cause)}); reinstall Earl's packages with npm ci`,
    { cause },
  );
}

/** Resolves at poweredOn. */
export function waitForPower(stack: EventEmitter, adapter: Adapter, options: OpenAdapterOptions): Promise<void> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    let last = 'unknown';
    const settle = (error?: EarlError) => {
      clearTimeout(timer);
      stack.removeListener('stateChange', onState);
      adapter.onGone = () => {};
      if (error === undefined) resolve();
      else reject(error);
    };
    const onState = (state: string) => {
      last = state;
      if (state === 'poweredOn') settle();
      else if (state === 'unauthorized') settle(noPermission(adapter.name));
      else if (state === 'unsupported') settle(noLowEnergy(adapter.name));
    };
    const timer = setTimeout(() => settle(silent(adapter, last, timeoutMs)), timeoutMs);
    adapter.onGone = (error) => settle(error ?? new EarlError('TRANSPORT_LOST', `${adapter.name} went away`));
    stack.on('stateChange', onState);
  });
}

export function noPermission(adapter: string): EarlError {
  return new EarlError(
    'TRANSPORT_PERMISSION',
    `this process may not use ${adapter}: on Linux give node the right with ` +
      '`sudo setcap cap_net_raw+eip "$(readlink -f "$(which node)")"`, or run as root; on macOS allow Bluetooth for the terminal',
  );
}

function noLowEnergy(adapter: string): EarlError {
  return new EarlError('TRANSPORT_NOT_FOUND', `${adapter} is not there or has no Bluetooth Low Energy (4.0 or later)`);
}

function silent(adapter: Adapter, state: string, timeoutMs: number): EarlError {
  if (adapter.kind === 'system' && state === 'poweredOff') return bluetoothOff(adapter.name);
  return new EarlError(
    'TRANSPORT_FAILED',
    `${adapter.name} did not power on within ${timeoutMs} ms (it is ${state}); check that an HCI controller is at the other end, and its baud rate`,
  );
}

export function bluetoothOff(adapter: string): EarlError {
  return new EarlError(
    'BLUETOOTH_OFF',
    `${adapter} is switched off; on Linux \`rfkill unblock bluetooth\` and \`sudo hciconfig ${adapter} up\` switch it on`,
  );
}

/** What both bindings hang into the process: Ctrl-C belongs to the program that uses them. */
export interface ProcessHandlers {
  readonly _sigIntHandler?: () => void;
  readonly _exitHandler?: () => void;
}

/** Takes their listeners away again; a system adapter keeps the one that hangs up at exit. */
export function releaseProcess(binding: ProcessHandlers, adapter: Adapter): void {
  if (binding._sigIntHandler !== undefined) process.removeListener('SIGINT', binding._sigIntHandler);
  if (binding._exitHandler !== undefined && adapter.kind !== 'system') {
    process.removeListener('exit', binding._exitHandler);
  }
}
