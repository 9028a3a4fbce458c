/** Random numbers that a seed repeats: xorshift32 (Marsaglia 2003) behind a mixed seed. Not for secrets. */
export class Random {
  private state: number;

  constructor(seed: number) {
    // Neighbouring seeds must not begin alike, and zero is a fixed point.
    this.state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ (seed >>> 13)) | 0 || 1;
    for (let round = 0; round < 8; round++) this.next();
  }

  /** 0 <= x < 1. */
  fraction(): number {
    return this.next() / 2 ** 32;
  }

  /** 0 <= x < limit. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }

  private next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x >>> 0;
  }
}
