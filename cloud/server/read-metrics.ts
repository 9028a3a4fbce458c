/** Metrics of figures that exist anyway: read when somebody asks, not fed as time goes by. */

import { Counter, Gauge, type Registry } from 'prom-client';

/** A figure that may fall. */
export function readGauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** A figure that only grows while the process lives. */
export function readCounter(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}
