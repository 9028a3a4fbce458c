/**
 * Bookkeeping of a probe's sequence numbers: what was lost on the way, what came twice, what came late.
 *
 * A quiet probe sends nothing and so skips no number; a number that is skipped is a packet that was lost. A jump too far
 * to be loss alone may also be a restart, and so may any gap between two connections; only a hello can tell. Until then
 * the gap is `unexplained`, and the session calls `restart` or `confirm`.
 */

/**
 * `next` in order; `gap` in order, some before it are missing; `late` one of the missing; `duplicate` one that came
 * already, byte for byte; `jump` far away, or an old number with new content: perhaps the probe restarted.
 */
export type Arrival = 'next' | 'gap' | 'late' | 'duplicate' | 'jump';

/** Longest gap that is taken for loss without asking: 5 s of samples at 50 Hz. */
const LONGEST_GAP = 256;
/** How far back a number is remembered. */
const WINDOW = 64;
const MODULUS = 0x10000;

export class SequenceTracker {
  received = 0;
  lost = 0;
  late = 0;
  duplicates = 0;

  /** Packets that are missing if the probe did not restart. */
  unexplained = 0;

  private expected: number | undefined;
  private doubtful = false;
  /** Fingerprints of the last `WINDOW` numbers, `undefined` for one that is missing. */
  private readonly recent = new Map<number, number | undefined>();

  /** @param fingerprint of the packet's content: tells a repetition from another packet with the same number */
  accept(sequence: number, fingerprint: number): Arrival {
    const arrival = this.classify(sequence, fingerprint);
    if (arrival === 'duplicate') {
      this.duplicates++;
      return arrival;
    }
    this.received++;
    if (arrival === 'late') {
      this.late++;
      this.lost--;
      this.recent.set(sequence, fingerprint);
      return arrival;
    }
    const missing = this.expected === undefined ? 0 : (sequence - this.expected) & (MODULUS - 1);
    if (arrival === 'jump') {
      this.unexplained += missing;
      this.recent.clear();
    } else {
      this.lost += missing;
      for (let back = Math.min(missing, WINDOW); back > 0; back--) this.remember(sequence - back, undefined);
    }
    this.doubtful = false;
    this.remember(sequence, fingerprint);
    this.expected = (sequence + 1) % MODULUS;
    return arrival;
  }

  /** The connection ended: whatever is missing until the next packet is `unexplained`. */
  suspend(): void {
    this.doubtful = this.expected !== undefined;
    this.recent.clear();
  }

  /** The probe restarted, or is another: what came before says nothing. `next` is the number that comes next. */
  restart(next: number): void {
    this.unexplained = 0;
    this.doubtful = false;
    this.recent.clear();
    this.expected = next % MODULUS;
  }

  /** The probe did not restart: what was jumped over is lost. */
  confirm(): void {
    this.lost += this.unexplained;
    this.unexplained = 0;
  }

  private classify(sequence: number, fingerprint: number): Arrival {
    if (this.expected === undefined) return 'next';
    const ahead = (sequence - this.expected) & (MODULUS - 1);
    if (ahead === 0) return 'next';
    if (this.doubtful) return 'jump';
    if (ahead <= LONGEST_GAP) return 'gap';
    if (!this.recent.has(sequence)) return 'jump';
    const seen = this.recent.get(sequence);
    if (seen === undefined) return 'late';
    return seen === fingerprint ? 'duplicate' : 'jump';
  }

  private remember(sequence: number, fingerprint: number | undefined): void {
    const key = (sequence + MODULUS) % MODULUS;
    this.recent.delete(key);
    this.recent.set(key, fingerprint);
    if (this.recent.size > WINDOW) this.recent.delete(this.recent.keys().next().value!);
  }
}
