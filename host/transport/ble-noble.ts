/**
 * The part of noble (the package `noble`, which is @stoprocent/noble) that this folder uses. noble's own types are declared
 * for its original name only, and lack the parameters of `connect`.
 *
 * Every callback stands for an event: one that never comes, because the peer or the controller is silent, is never called.
 * `pending` gives such a call an end.
 */

import { EarlError } from '../../errors/index.ts';
import type { Clock } from '../link/index.ts';

type Callback<Result = void> = (error: Error | string | null | undefined, result: Result) => void;

export interface NobleCharacteristic {
  readonly uuid: string;
  readonly properties: readonly string[];
  /** Without response it calls back when the packet waits for the controller, not when it was sent. */
  write(data: Buffer, withoutResponse: boolean, callback: Callback): void;
  subscribe(callback: Callback): void;
  discoverDescriptors(callback: Callback<unknown>): void;
  on(event: 'data', listener: (data: Buffer, isNotification: boolean) => void): unknown;
  removeAllListeners(event: 'data'): unknown;
}

export interface NobleService {
  readonly uuid: string;
  discoverCharacteristics(uuids: readonly string[], callback: Callback<NobleCharacteristic[]>): void;
}

/** Core specification, volume 4, part E, 7.8.12: in units of 1.25 ms, and of 10 ms for the timeout. */
export interface ConnectParameters {
  readonly minInterval: number;
  readonly maxInterval: number;
  readonly latency: number;
  readonly timeout: number;
}

export interface NoblePeripheral {
  readonly id: string;
  readonly address: string;
  readonly state: 'error' | 'connecting' | 'connected' | 'disconnecting' | 'disconnected';
  readonly advertisement: { readonly localName?: string; readonly serviceUuids?: readonly string[] };
  readonly rssi: number;
  /** What the server can take; null until it was asked. */
  readonly mtu: number | null;
  connect(parameters: ConnectParameters, callback: Callback): void;
  cancelConnect(): void;
  disconnect(): void;
  discoverServices(uuids: readonly string[], callback: Callback<NobleService[]>): void;
  updateRssi(callback: Callback<number>): void;
  once(event: 'disconnect', listener: (reason: number | string) => void): unknown;
  removeListener(event: 'disconnect', listener: (reason: number | string) => void): unknown;
}

export interface Noble {
  readonly state: string;
  startScanning(services: readonly string[], allowDuplicates: boolean, callback: Callback<unknown>): void;
  stopScanning(callback: () => void): void;
  on(event: 'discover', listener: (peripheral: NoblePeripheral) => void): unknown;
  on(event: 'stateChange', listener: (state: string) => void): unknown;
}

/** A call of noble's as a promise. Rejects with `TRANSPORT_FAILED` when nothing came of it within `limitMs`. */
export function pending<Result>(
  clock: Clock,
  what: string,
  limitMs: number,
  call: (callback: Callback<Result>) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, () => {
      reject(new EarlError('TRANSPORT_FAILED', `${what}: no answer within ${limitMs / 1000} s`));
    });
    const fail = (cause: Error | string) => {
      cancel();
      const why = cause instanceof Error ? cause.message : cause;
      reject(new EarlError('TRANSPORT_FAILED', `${what}: ${why}`, { cause }));
    };
    try {
      call((error, result) => {
        if (error) return fail(error);
        cancel();
        resolve(result);
      });
    } catch (error) {
      fail(error as Error);
    }
  });
}

/** Why a link ended, in words: the status codes of volume 1, part F that a user meets. */
export function endReason(reason: number | string): string {
  if (typeof reason !== 'number') return reason === 'cleanup' ? 'the adapter went away' : reason;
  const code = `0x${reason.toString(16).padStart(2, '0')}`;
  return `${reasons[reason] ?? 'the controller ended it'} (${code})`;
}

const reasons: Readonly<Record<number, string>> = {
  3: 'the adapter failed',
  8: 'nothing was heard until the supervision timeout',
  19: 'the other end closed it',
  20: 'the other end is short of resources',
  21: 'the other end is switching off',
  22: 'this end closed it',
  61: 'a packet failed its integrity check',
  62: 'it could not be established',
};
