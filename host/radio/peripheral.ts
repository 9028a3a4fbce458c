/// <reference types="bleno" />
/**
 * A bleno of its own on any adapter, powered on. What bleno leaves behind when it stops is cleaned up here.
 */
import { createRequire } from 'node:module';
import type { Bleno } from '@stoprocent/bleno';
import { type Adapter, type OpenAdapterOptions, openAdapter } from './adapter.ts';
import { onlyOnce, reportGone } from './central.ts';
import type { HciPort } from './hci-port.ts';
import { type ProcessHandlers, releaseProcess, stackUnavailable, waitForPower } from './host-stack.ts';

export type { Bleno };

export interface Peripheral {
  readonly bleno: Bleno;
  /** The adapter that it turned out to be, as in `Central`. */
  readonly adapter: string;
  /** Stops advertising, hangs up and gives the adapter back; nothing of it keeps the process alive. */
  close(): Promise<void>;
}

/** What is touched of bleno's HCI. */
interface Hci {
  _socket: { isDevUp(): boolean };
  _isDevUp: boolean | null;
  pollIsDevUp(): void;
  setSocketFilter(): void;
  initDev(): void;
  emit(event: string, value: unknown): void;
}

interface Binding extends ProcessHandlers {
  readonly _hci?: Hci;
}

const POLL_MS = 1000;

/** Rejects as `openCentral` does. */
export async function openPeripheral(adapter: string | HciPort, options: OpenAdapterOptions = {}): Promise<Peripheral> {
  const opened = await openAdapter(adapter, 'bleno', options);
  let bleno: Bleno;
  let stopPolling: () => void;
  try {
    bleno = makeBleno(opened);
    stopPolling = pollStoppably(bindingOf(bleno)._hci);
  } catch (error) {
    opened.release();
    throw error;
  }
  const close = onlyOnce(async () => {
    (bleno as unknown as { stop(): void }).stop();
    stopPolling();
    await opened.flush();
    bleno.removeAllListeners();
    opened.release();
  });
  try {
    // bleno starts with its first `stateChange` listener.
    const powered = waitForPower(bleno, opened, options);
    releaseProcess(bindingOf(bleno), opened);
    await powered;
  } catch (error) {
    await close();
    throw error;
  }
  opened.onGone = (error) => reportGone(opened, options, error);
  return { bleno, adapter: opened.name, close };
}

function makeBleno(adapter: Adapter): Bleno {
  const withBindings = loadBleno();
  if (adapter.kind === 'system') return withBindings(adapter.binding, adapter.bindingOptions);
  const bleno = withBindings('hci', { hciDriver: 'uart' });
  bindingOf(bleno)._hci!._socket = adapter.socket;
  return bleno;
}

/** bleno asks its socket every second, for ever, whether it is up; this asks as often and can be stopped. */
function pollStoppably(hci: Hci | undefined): () => void {
  if (hci === undefined) return () => {};
  let timer: NodeJS.Timeout | undefined;
  hci.pollIsDevUp = () => {
    clearTimeout(timer);
    const isUp = hci._socket.isDevUp();
    if (isUp !== hci._isDevUp) {
      hci._isDevUp = isUp;
      if (isUp) {
        hci.setSocketFilter();
        hci.initDev();
      } else {
        hci.emit('stateChange', 'poweredOff');
      }
    }
    timer = setTimeout(hci.pollIsDevUp, POLL_MS);
  };
  return () => {
    hci.pollIsDevUp = () => {};
    clearTimeout(timer);
  };
}

function bindingOf(bleno: Bleno): Binding {
  return (bleno as unknown as { _bindings: Binding })._bindings;
}

function loadBleno(): (binding: string, options: object) => Bleno {
  try {
    return createRequire(import.meta.url)('bleno/lib/resolve-bindings.js');
  } catch (error) {
    throw stackUnavailable('bleno', error);
  }
}
