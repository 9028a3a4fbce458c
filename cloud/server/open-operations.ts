/** Operations of one client that the broker has not answered: beyond a limit, the client is not read. */

export class OpenOperations {
  readonly #most: number;
  readonly #setReading: (reading: boolean) => void;
  #open = 0;

  constructor(most: number, setReading: (reading: boolean) => void) {
    this.#most = most;
    this.#setReading = setReading;
  }

  get isFull(): boolean {
    return this.#open >= this.#most;
  }

  /** Counts an operation until it ends. */
  begin(operation: Promise<unknown>): void {
    const end = () => {
      if (this.#open === this.#most) this.#setReading(true);
      this.#open -= 1;
    };
    this.#open += 1;
    if (this.#open === this.#most) this.#setReading(false);
    operation.then(end, end);
  }
}
