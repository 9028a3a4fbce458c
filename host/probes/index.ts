/** What this machine knows of probes: the only door to this folder. */

export { checkedId, type ProbeRecord, type RecordStatus, readRecord, withoutKey } from './record.ts';
export { defaultProbesFolder, knownKey, ProbeStore } from './store.ts';
export { exportText, type Imported, importRecords } from './transfer.ts';
export {
  type Claim,
  isWired,
  parseTrustMode,
  remedyOf,
  type TrustMode,
  type TrustOptions,
  TrustPolicy,
  trustModes,
} from './trust.ts';
