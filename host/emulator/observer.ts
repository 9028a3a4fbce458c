/**
 * Those who watch a CPU while it runs: debuggers, profilers, energy meters, wave forms.
 *
 * Observers that look at single instructions make the chip execute one at a time, with the same cycles and events as
 * without them; the others cost something only when the CPU sleeps or is interrupted. Nothing is asked while there is
 * no observer.
 */

export interface ExecutionObserver {
  /** The instruction at `pc` comes next; `true` stops the run before it. */
  instruction?(pc: number): boolean | undefined;
  /** It was executed, in so many MCLK cycles. */
  executed?(pc: number, cycles: number): void;
  /** The CPU accepted an interrupt (vector number as in interrupts.ts); the next instruction is its handler's. */
  interrupted?(vector: number, cycles: number): void;
  /** CPUOFF kept the CPU asleep until now; `status` is SR meanwhile. Long sleeps come in parts. */
  slept?(status: number, seconds: number): void;
  /** The flash controller held the CPU until now. */
  held?(seconds: number): void;
}

export class Observers {
  private readonly all: ExecutionObserver[] = [];
  /** True when one of them looks at single instructions. */
  stepping = false;

  add(observer: ExecutionObserver): () => void {
    this.all.push(observer);
    this.update();
    return () => {
      const index = this.all.indexOf(observer);
      if (index >= 0) this.all.splice(index, 1);
      this.update();
    };
  }

  get any(): boolean {
    return this.all.length > 0;
  }

  /** True when one of them wants the CPU to stop before `pc`. */
  instruction(pc: number): boolean {
    let stop = false;
    for (const observer of this.all) if (observer.instruction?.(pc)) stop = true;
    return stop;
  }

  executed(pc: number, cycles: number): void {
    for (const observer of this.all) observer.executed?.(pc, cycles);
  }

  interrupted(vector: number, cycles: number): void {
    for (const observer of this.all) observer.interrupted?.(vector, cycles);
  }

  slept(status: number, seconds: number): void {
    for (const observer of this.all) observer.slept?.(status, seconds);
  }

  held(seconds: number): void {
    for (const observer of this.all) observer.held?.(seconds);
  }

  private update(): void {
    this.stepping = this.all.some(({ instruction, executed }) => instruction !== undefined || executed !== undefined);
  }
}
