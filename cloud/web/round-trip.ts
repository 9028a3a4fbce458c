/**
 * Measures the road from this page to the probe and back with the command `ping`, every five seconds while the card is
 * on the screen. What it leaves out: probes that are known to be offline are not asked.
 */

import type { CommandRoad } from './command-slot.ts';
import { formatMs } from './quantities.ts';

const PERIOD_MS = 5000;
const TIMEOUT_MS = 4000;

export class RoundTrip {
  /** What to show: `41 ms`, `no answer`, or a dash before the first. */
  text = '–';
  /** The gateway's part: its first byte to the probe until the probe's ack. */
  linkText = '–';
  private readonly road: CommandRoad;
  private nextMs = 0;
  private busy = false;

  constructor(road: CommandRoad) {
    this.road = road;
  }

  /** Call it often; it asks when it is time. */
  poll(nowMs: number): void {
    if (this.busy || nowMs < this.nextMs) return;
    // Cards that came together shall not ask together.
    this.nextMs = nowMs + PERIOD_MS * (0.9 + 0.2 * Math.random());
    void this.ask();
  }

  private async ask(): Promise<void> {
    this.busy = true;
    const startedMs = performance.now();
    try {
      const result = await this.road.client.command(this.road.probe, { name: 'ping' }, TIMEOUT_MS);
      const ok = result.status === 'ok';
      this.text = ok ? formatMs(performance.now() - startedMs) : 'no answer';
      this.linkText = ok && result.linkMs !== undefined ? formatMs(result.linkMs) : '–';
    } catch {
      this.text = 'no answer';
      this.linkText = '–';
    }
    this.busy = false;
  }
}
