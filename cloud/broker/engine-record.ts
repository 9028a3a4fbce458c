/**
 * Messages as servers hand them to an engine: records one after the other in a batch, read by other servers and, in
 * Redis, by a script (redis-scripts.ts).
 *
 *     flags u8 (1: retain) · topic's length u16 · publisher's length u16 · payload's length u32 · seq f64 · topic ·
 *     publisher · payload, little-endian; a publisher of length 0 is none
 */

import { EarlError } from '../../errors/index.ts';

const headBytes = 17;
const retainFlag = 1;

export interface EngineRecord {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  /** Empty when repetitions are not to be removed. */
  readonly publisher: string;
  readonly seq: number;
}

export function encodeRecord({ topic, payload, retain, publisher, seq }: EngineRecord): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const publisherBytes = Buffer.byteLength(publisher);
  const record = Buffer.allocUnsafe(headBytes + topicBytes + publisherBytes + payload.length);
  record.writeUInt8(retain ? retainFlag : 0, 0);
  record.writeUInt16LE(topicBytes, 1);
  record.writeUInt16LE(publisherBytes, 3);
  record.writeUInt32LE(payload.length, 5);
  record.writeDoubleLE(seq, 9);
  record.write(topic, headBytes);
  record.write(publisher, headBytes + topicBytes);
  payload.copy(record, headBytes + topicBytes + publisherBytes);
  return record;
}

/** The records of a batch; payloads are views of it. Throws `BACKPLANE_FOREIGN` on bytes that no Earl wrote. */
export function decodeRecords(batch: Buffer): EngineRecord[] {
  const records: EngineRecord[] = [];
  for (let at = 0; at < batch.length; ) {
    if (at + headBytes > batch.length) throw foreignError();
    const topicEnd = at + headBytes + batch.readUInt16LE(at + 1);
    const publisherEnd = topicEnd + batch.readUInt16LE(at + 3);
    const end = publisherEnd + batch.readUInt32LE(at + 5);
    if (end > batch.length) throw foreignError();
    records.push({
      topic: batch.toString('utf8', at + headBytes, topicEnd),
      payload: batch.subarray(publisherEnd, end),
      retain: batch[at] === retainFlag,
      publisher: publisherEnd === topicEnd ? '' : batch.toString('utf8', topicEnd, publisherEnd),
      seq: batch.readDoubleLE(at + 9),
    });
    at = end;
  }
  return records;
}

function foreignError(): EarlError {
  return new EarlError(
    'BACKPLANE_FOREIGN',
    'the engine has a message that no Earl wrote: give this cloud its own prefix',
  );
}
