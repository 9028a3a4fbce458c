/// <reference types="noble" />
/**
 * A noble of its own on any adapter, powered on. What noble leaves behind when it stops is cleaned up here.
 */
import { createRequire } from 'node:module';
import type { Noble } from '@stoprocent/noble';
import type { EarlError } from '../../errors/index.ts';
import { type Adapter, type OpenAdapterOptions, openAdapter } from './adapter.ts';
import type { HciPort } from './hci-port.ts';
import { type ProcessHandlers, releaseProcess, stackUnavailable, waitForPower } from './host-stack.ts';

export type { Noble };

export interface Central {
  readonly noble: Noble;
  /** The adapter that it turned out to be: `hci0`, `uart:/dev/ttyACM0`, `air:127.0.0.1:7433`, `port`. */
  readonly adapter: string;
  /** Hangs up, stops noble and gives the adapter back; nothing of it keeps the process alive. */
  close(): Promise<void>;
}

/** What is touched of noble's HCI binding: where its socket goes, and what it hangs into the process. */
interface Binding extends ProcessHandlers {
  _hci: { _socket: unknown } | null;
}

/**
 * Rejects with an EarlError: `TRANSPORT_NOT_FOUND`, `TRANSPORT_PERMISSION`, `TRANSPORT_BUSY`, `BLUETOOTH_OFF`,
 * `TRANSPORT_FAILED` (no answer), `TRANSPORT_LOST` (gone while it powered on), or `USAGE` for a URL that cannot be read.
 */
export async function openCentral(adapter: string | HciPort, options: OpenAdapterOptions = {}): Promise<Central> {
  const opened = await openAdapter(adapter, 'noble', options);
  let noble: Noble;
  try {
    noble = makeNoble(opened);
  } catch (error) {
    opened.release();
    throw error;
  }
  const close = onlyOnce(async () => {
    noble.stop();
    await opened.flush();
    noble.removeAllListeners();
    opened.release();
  });
  try {
    // Reading the state is what starts noble, at once instead of in the next tick.
    void noble.state;
    releaseProcess(bindingOf(noble), opened);
    await waitForPower(noble, opened, options);
  } catch (error) {
    await close();
    throw error;
  }
  opened.onGone = (error) => reportGone(opened, options, error);
  return { noble, adapter: opened.name, close };
}

function makeNoble(adapter: Adapter): Noble {
  const withBindings = loadNoble();
  if (adapter.kind === 'system') return withBindings(adapter.binding, adapter.bindingOptions);
  const noble = withBindings('hci', { hciDriver: 'uart' });
  // noble makes its HCI object when it starts and initialises it in the same breath: the socket has to be there by then.
  let hci: Binding['_hci'] = null;
  Object.defineProperty(bindingOf(noble), '_hci', {
    get: () => hci,
    set: (made: NonNullable<Binding['_hci']>) => {
      made._socket = adapter.socket;
      hci = made;
    },
  });
  return noble;
}

function bindingOf(noble: Noble): Binding {
  return (noble as unknown as { _bindings: Binding })._bindings;
}

function loadNoble(): (binding: string, options: object) => Noble {
  try {
    // Not the package's front door, which makes an instance for the system's adapter at once.
    return createRequire(import.meta.url)('noble/lib/resolve-bindings.js');
  } catch (error) {
    throw stackUnavailable('noble', error);
  }
}

export function onlyOnce(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= run();
    return running;
  };
}

export function reportGone(adapter: Adapter, options: OpenAdapterOptions, error: EarlError | undefined): void {
  if (error !== undefined) options.onGone?.(error);
  adapter.onGone = () => {};
}
