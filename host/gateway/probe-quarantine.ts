/**
 * Probes that are there and may not in: visible, and nothing of them relayed.
 *
 * What such a probe says about itself is a claim: its status is published with `quarantined` and what to type, unless a
 * probe of that id is online through another transport, which a claim must not disturb; then the log alone tells. Strangers
 * come at any number, so a few are shown at a time, and those that went are forgotten first.
 */

import { errorMessage } from '../../errors/index.ts';
import { type Authentication, capabilities, type MessageOf, NONCE_LENGTH, type Refusal } from '../link/index.ts';
import { type Claim, remedyOf, type TrustPolicy } from '../probes/index.ts';
import type { Log } from './log.ts';
import { kindOf, type Probe } from './probe.ts';
import { probeId } from './probe-id.ts';
import type { ProbeLink } from './probe-link.ts';

/** Strangers with a status in the cloud; the next one is told to the log only. */
export const MAX_STRANGERS = 32;

export interface QuarantineOptions {
  readonly trust: TrustPolicy;
  readonly log: Log;
  /** The probe of an id, known or new; `isNew` when nothing was published for it yet. */
  readonly probeOf: (id: string) => { readonly probe: Probe; readonly isNew: boolean };
  readonly knows: (id: string) => boolean;
  /** Takes back what was published of a probe. */
  readonly forget: (probe: Probe) => void;
}

export function claimOf(hello: MessageOf<'hello'>, url: string): Claim {
  const authenticates = (hello.capabilities & capabilities.authenticates) !== 0;
  return { id: probeId(hello.id, url), url, kind: kindOf(hello), authenticates };
}

/** What a session on the transport of this URL demands. */
export function authenticationBy(trust: TrustPolicy, url: string): Authentication {
  return {
    demand: (hello) => trust.demand(claimOf(hello, url)),
    nonce: () => crypto.getRandomValues(new Uint8Array(NONCE_LENGTH)),
  };
}

export class Quarantine {
  private readonly options: QuarantineOptions;
  private readonly held = new Map<ProbeLink, Probe>();
  /** Probes that were never let in, oldest first, and whether they are there. */
  private readonly strangers = new Map<Probe, boolean>();
  private lastStoreError = '';

  constructor(options: QuarantineOptions) {
    this.options = options;
  }

  /** The probe behind `link` is not let in. */
  take(link: ProbeLink, hello: MessageOf<'hello'>, refusal: Refusal): void {
    const claim = claimOf(hello, link.url);
    const remedy = remedyOf(claim, refusal);
    this.tell(claim, refusal, remedy);
    this.note(claim, refusal);
    if (this.held.get(link)?.id !== claim.id) this.lost(link, 'another probe took its place');
    if (!this.options.knows(claim.id) && !this.makeRoom()) return;
    const { probe, isNew } = this.options.probeOf(claim.id);
    if (probe.link !== undefined) return; // the one that proved itself keeps its name
    if (isNew || this.strangers.has(probe)) this.strangers.set(probe, true);
    this.held.set(link, probe);
    probe.quarantine(hello, link.url, refusal.message, remedy);
  }

  /** The probe behind `link` was let in. */
  release(link: ProbeLink, hello: MessageOf<'hello'>): void {
    this.note(claimOf(hello, link.url));
    const probe = this.held.get(link);
    if (probe === undefined) return;
    this.held.delete(link);
    this.strangers.delete(probe);
  }

  /** The connection ended. */
  lost(link: ProbeLink, reason: string): void {
    const probe = this.held.get(link);
    if (probe === undefined) return;
    this.held.delete(link);
    if (this.strangers.has(probe)) this.strangers.set(probe, false);
    if (probe.link === undefined) probe.death(reason);
  }

  private makeRoom(): boolean {
    if (this.strangers.size < MAX_STRANGERS) return true;
    for (const [probe, isThere] of this.strangers) {
      if (isThere) continue;
      this.strangers.delete(probe);
      this.options.forget(probe);
      return true;
    }
    return false;
  }

  private tell({ id, kind, url }: Claim, { code, message }: Refusal, remedy: string): void {
    const help = remedy === '' ? '' : `; to let it in: ${remedy}`;
    const text = `${kind} ${id} on ${url} is quarantined, nothing of it is relayed: ${message}${help}`;
    const fields = { id, kind, transport: url, reason: code, ...(remedy !== '' && { remedy }) };
    this.options.log({ level: 'warn', event: 'probe-quarantined', message: text, ...fields });
  }

  /** A store that cannot be written is told, and no reason to let anybody in or keep anybody out. */
  private note(claim: Claim, refusal?: Refusal): void {
    try {
      this.options.trust.note(claim, refusal);
    } catch (error) {
      const message = errorMessage(error);
      if (message === this.lastStoreError) return;
      this.lastStoreError = message;
      this.options.log({ level: 'warn', event: 'probes-store', message });
    }
  }
}
