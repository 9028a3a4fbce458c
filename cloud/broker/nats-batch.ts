/** Batches of records as messages of the stream: who wrote it (8 bytes), its number there (f64, little-endian), records. */

export interface StoredBatch {
  readonly sequence: number;
  readonly writer: string;
  readonly number: number;
  readonly records: Buffer;
}

/** Records of a batch: what lies between the offsets of two batches' first records. */
export const mostRecords = 1024;

const writerBytes = 8;
const headBytes = writerBytes + 8;

/** @param writer 16 hexadecimal digits */
export function encodeBatch(writer: string, number: number, records: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(headBytes);
  head.write(writer, 'hex');
  head.writeDoubleLE(number, writerBytes);
  return Buffer.concat([head, ...records]);
}

/** A message that no Earl wrote has no records, or such as decodeRecords refuses. */
export function decodeBatch(sequence: number, data: Uint8Array): StoredBatch {
  const batch = Buffer.from(data);
  if (batch.length < headBytes) return { sequence, writer: '', number: 0, records: batch };
  return {
    sequence,
    writer: batch.toString('hex', 0, writerBytes),
    number: batch.readDoubleLE(writerBytes),
    records: batch.subarray(headBytes),
  };
}

/** Offsets of a batch's records; one place before the first is the end of the batch before, whatever that holds. */
export function offsetOf(sequence: number, index: number): number {
  return (sequence - 1) * mostRecords + index + 1;
}

/** The batch that an offset is in. */
export function sequenceOf(offset: number): number {
  return Math.ceil(offset / mostRecords);
}
