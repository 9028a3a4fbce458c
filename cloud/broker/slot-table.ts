/** Values under small numbers, which are given again when they are free: for references from arrays of numbers. */
export class SlotTable<Value> {
  #values: (Value | undefined)[] = [];
  #free: number[] = [];

  /** @param make is given the number */
  add(make: (id: number) => Value): Value {
    const id = this.#free.pop() ?? this.#values.length;
    const value = make(id);
    this.#values[id] = value;
    return value;
  }

  at(id: number): Value | undefined {
    return this.#values[id];
  }

  delete(id: number): void {
    this.#values[id] = undefined;
    this.#free.push(id);
  }

  /** Forgets all values; the values under their numbers. */
  clear(): readonly (Value | undefined)[] {
    const values = this.#values;
    this.#values = [];
    this.#free = [];
    return values;
  }
}
