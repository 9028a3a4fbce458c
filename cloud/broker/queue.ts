/** First in, first out, with constant-time `shift` and indexing: an array whose front is cut off now and then. */
export class Queue<Value> {
  #values: (Value | undefined)[] = [];
  #first = 0;

  get length(): number {
    return this.#values.length - this.#first;
  }

  push(value: Value): void {
    this.#values.push(value);
  }

  at(index: number): Value | undefined {
    return this.#values[this.#first + index];
  }

  shift(): Value | undefined {
    if (this.length === 0) return undefined;
    const value = this.#values[this.#first];
    this.#values[this.#first++] = undefined;
    if (this.#first === this.#values.length) {
      this.#values = [];
      this.#first = 0;
    } else if (this.#first > 32 && this.#first * 2 > this.#values.length) {
      this.#values = this.#values.slice(this.#first);
      this.#first = 0;
    }
    return value;
  }
}
