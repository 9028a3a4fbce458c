/** A log that keeps its newest entries: the oldest make room, and are counted. */
export class RingLog<T> {
  /** Entries ever added. */
  total = 0;
  private readonly capacity: number;
  private entries: T[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  add(entry: T): void {
    this.total++;
    this.entries.push(entry);
    // Cut in blocks, because shifting an array on each entry would cost more than the entry.
    if (this.entries.length >= 2 * this.capacity) this.entries = this.entries.slice(-this.capacity);
  }

  get last(): T | undefined {
    return this.entries.at(-1);
  }

  /** The entries after the first `seen` ones, oldest first, as far as they are kept. */
  since(seen: number): readonly T[] {
    const count = Math.min(this.total - seen, this.capacity, this.entries.length);
    return count <= 0 ? [] : this.entries.slice(-count);
  }
}
