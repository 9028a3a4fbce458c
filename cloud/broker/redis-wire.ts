/** Bytes and names that the broker and its scripts (redis-scripts.ts) agree on. */

import { isReserved, isWildcard } from '../protocol/index.ts';
import { BrokerMessage, type Position } from './message.ts';

/** A message as a channel carries it. */
export interface Arrived {
  /** The offset, or minus the count of the server's own messages for one of those. */
  readonly place: number;
  readonly topic: string;
  readonly payload: Buffer;
}

export function decodeArrived(frame: Buffer): Arrived {
  const end = 10 + frame.readUInt16LE(8);
  return { place: frame.readDoubleLE(0), topic: frame.toString('utf8', 10, end), payload: frame.subarray(end) };
}

/** What openScript says on the control channel. */
export function decodeEpoch(text: Buffer): Position {
  const [epoch, offset] = text.toString().split(' ');
  return { epoch: epoch!, offset: Number(offset) };
}

/** An entry of the history, or a last value. */
export function decodeEntry(topic: string, entry: Buffer, retained: boolean): BrokerMessage {
  return new BrokerMessage(topic, entry.subarray(8), entry.readDoubleLE(0), retained);
}

/** Which lanes a filter needs: one, or all that begin with a prefix; the empty prefix leaves out the server's own. */
export type Interest =
  | { readonly kind: 'lane'; readonly lane: string }
  | { readonly kind: 'lanes'; readonly prefix: string };

export function interestOf(filter: string): Interest {
  const levels = filter.split('/', isReserved(filter) ? 2 : 1);
  const wild = levels.findIndex(isWildcard);
  if (wild < 0) return { kind: 'lane', lane: levels.join('/') };
  return { kind: 'lanes', prefix: levels.slice(0, wild).join('/') };
}

/** The pattern of PSUBSCRIBE that selects the channels of lanes that begin with a prefix. */
export function channelPattern(channels: string, prefix: string): string {
  return `${globEscaped(channels)}${prefix === '' ? '[^$]' : globEscaped(prefix)}*`;
}

function globEscaped(text: string): string {
  return text.replace(/[\\*?[\]^-]/g, '\\$&');
}
