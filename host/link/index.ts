/** The link protocol: the only door to this folder. */

export type { Authentication, Demand, Refusal, RefusalCode } from './admission.ts';
export { NONCE_LENGTH, proofOf } from './challenge.ts';
export { type Clock, VirtualClock } from './clock.ts';
export { cobsDecode, cobsEncode } from './cobs.ts';
export { decodeMessage, encodeMessage, type PayloadError } from './codec.ts';
export type { CommandCounters, CommandOutcome, OutcomeStatus } from './command-queue.ts';
export { crc16 } from './crc.ts';
export {
  decodeFrame,
  encodeFrame,
  type FrameCounters,
  type FrameError,
  FrameReceiver,
  MAX_PACKET,
  MAX_WIRE,
  type Packet,
} from './framer.ts';
export * from './messages.ts';
export {
  buildInfoSegment,
  formatId,
  formatKey,
  ID_LENGTH,
  INFO_D_ADDRESS,
  INFO_SEGMENT_LENGTH,
  type InfoRecord,
  KEY_LENGTH,
  parseId,
  parseInfoRecord,
  parseInfoSegment,
  parseKey,
  randomId,
  randomKey,
} from './provisioning.ts';
export { isSample, type SampleMessage, type SenmlRecord, senmlBaseName, senmlPack } from './senml.ts';
export { type Arrival, SequenceTracker } from './sequence-tracker.ts';
export {
  type LinkStatistics,
  type ProbeMessage,
  type Received,
  Session,
  type SessionHandlers,
  type SessionOptions,
  type SessionState,
} from './session.ts';
export { equalInConstantTime, sipHash24 } from './siphash.ts';
export { TimeMap } from './time-map.ts';
