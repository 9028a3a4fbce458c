/**
 * Which probes a gateway takes in, and on what proof (docs/security.md).
 *
 * `wired`, the default: what hangs on a wire of this machine or is emulated in it is taken in as it is, because whoever
 * holds the cable holds the probe; but on a wire one whose key is known must prove it. What comes by air or from the network must be
 * known and prove it. `none`: everything must. `all`: nothing is asked. A probe that the user refused stays out, but for
 * `all`.
 */

import { EarlError } from '../../errors/index.ts';
import { type Demand, parseKey, type Refusal } from '../link/index.ts';
import type { ProbeRecord } from './record.ts';
import type { ProbeStore } from './store.ts';

export const trustModes = ['wired', 'all', 'none'] as const;
export type TrustMode = (typeof trustModes)[number];

/** What a probe says it is, and where it says so. */
export interface Claim {
  /** 16 hex digits. */
  readonly id: string;
  /** URL of the transport. */
  readonly url: string;
  readonly kind: string;
  /** It says that it has a key. */
  readonly authenticates: boolean;
}

export interface TrustOptions {
  readonly mode: TrustMode;
  readonly store: ProbeStore;
  /** Milliseconds since 1970. */
  readonly wallMs?: () => number;
}

/** Strangers that are kept in the store; of more the one that was not seen for longest is forgotten. */
export const MAX_WAITING = 128;
const NOTE_AGAIN_AFTER_MS = 60_000;

export class TrustPolicy {
  readonly mode: TrustMode;
  private readonly store: ProbeStore;
  private readonly wallMs: () => number;

  constructor({ mode, store, wallMs = Date.now }: TrustOptions) {
    this.mode = mode;
    this.store = store;
    this.wallMs = wallMs;
  }

  /** What a probe must show to be let in. Throws what `ProbeStore.get` throws: then it must not be let in. */
  demand(claim: Claim): Demand {
    if (this.mode === 'all') return { kind: 'none' };
    const record = this.store.get(claim.id);
    const isTrustedWire = this.mode === 'wired' && isWired(claim.url);
    if (record?.status === 'refused') return refuse('refused', `you refused it${because(record)}`);
    if (isTrustedWire && claim.url.startsWith('emu:')) return { kind: 'none' }; // this process made it itself
    if (record?.status === 'accepted' || isTrustedWire) return knownDemand(record, claim);
    return refuse('unknown', 'it is not known here, and was not accepted yet');
  }

  /**
   * Notes where and when a probe was met: strangers are put in the store as `waiting`, for `earl probes list`. Those of
   * whom nothing is asked leave no trace. Throws what the store throws.
   */
  note(claim: Claim, refusal?: Refusal): void {
    if (this.mode === 'all') return;
    const now = new Date(this.wallMs()).toISOString();
    const { kind, url: via, authenticates } = claim;
    if (this.store.get(claim.id) === undefined) {
      if (refusal?.code !== 'unknown') return;
      this.makeRoom();
    }
    this.store.update(claim.id, (record) => {
      const seen = { kind, via, lastSeenAt: now, authenticates };
      if (record === undefined) return { id: claim.id, status: 'waiting', firstSeenAt: now, ...seen };
      // A claim that was not proven must not change what is said of a probe that the user knows.
      if (refusal !== undefined && record.status !== 'waiting') return undefined;
      return this.isFresh(record, claim) ? undefined : { firstSeenAt: now, ...record, ...seen };
    });
  }

  /** Tells when the store changed, and for which probe. Returns what ends it. */
  watch(onChange: (id: string) => void): () => void {
    return this.store.watch(onChange);
  }

  private isFresh({ lastSeenAt, via, kind, authenticates }: ProbeRecord, claim: Claim): boolean {
    const same = via === claim.url && kind === claim.kind && authenticates === claim.authenticates;
    return same && this.wallMs() - Date.parse(lastSeenAt ?? '') < NOTE_AGAIN_AFTER_MS;
  }

  private makeRoom(): void {
    const waiting = this.store.list().filter(({ status }) => status === 'waiting');
    waiting.sort((a, b) => (a.lastSeenAt ?? '').localeCompare(b.lastSeenAt ?? ''));
    for (const { id } of waiting.slice(0, Math.max(0, waiting.length + 1 - MAX_WAITING))) this.store.remove(id);
  }
}

/** What a person types to let a refused probe in; empty where typing does not help. */
export function remedyOf({ id, authenticates }: Pick<Claim, 'id' | 'authenticates'>, { code }: Refusal): string {
  switch (code) {
    case 'unknown':
      return `earl probes accept ${id}${authenticates ? ' --key HEX' : ''}`;
    case 'refused':
      return `earl probes accept ${id}`;
    case 'wrong_answer':
      return `earl probes accept ${id} --key HEX`;
    case 'downgrade':
    case 'no_key':
    case 'too_old':
      return `earl probes accept ${id} --without-key`;
    case 'undecided':
      return `earl probes show ${id}`;
    case 'no_answer':
      return '';
    default:
      return code satisfies never;
  }
}

/** Reads the value of `--trust`. Throws `USAGE`. */
export function parseTrustMode(text: string): TrustMode {
  const mode = trustModes.find((name) => name === text);
  if (mode !== undefined) return mode;
  throw new EarlError('USAGE', `"${text}" is no degree of trust: ${trustModes.join(', ')}`);
}

/**
 * Whether a transport is a wire of this machine, or emulated in it. A serial port that is Bluetooth in truth (rfcomm, the
 * Bluetooth ports of macOS) is none; what a serial port of another kind leads to nobody can see.
 */
export function isWired(url: string): boolean {
  if (url.startsWith('emu:')) return true;
  if (url.startsWith('serial:')) return !/rfcomm|bluetooth/i.test(url);
  const host = /^(?:tcp:|rfc2217:\/\/)(\[[^\]]+\]|[^:[\]/?]+):\d+/.exec(url)?.[1] ?? '';
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i.test(host);
}

function knownDemand(record: ProbeRecord | undefined, { authenticates }: Claim): Demand {
  if (record?.key === undefined) return { kind: 'none' };
  if (authenticates) return { kind: 'proof', key: parseKey(record.key) };
  return refuse('downgrade', 'it claims to have no key, and one is known for this id');
}

function refuse(code: Refusal['code'], message: string): Demand {
  return { kind: 'refuse', refusal: { code, message } };
}

function because({ reason }: ProbeRecord): string {
  return reason === undefined ? '' : ` (${reason})`;
}
