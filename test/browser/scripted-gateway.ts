/**
 * Stands in for a gateway where a test needs a script: probes that fall silent, die, refuse or answer late, or a hundred
 * of them at once. It speaks to the cloud through the SDK, with the messages that host/gateway publishes.
 *
 * It emulates no probe: what firmware, emulator and gateway really do is tested in road.test.ts.
 */

import type { CloudClient } from '../../cloud/client/index.ts';
import type { CommandObject, CommandResult, Json, ProbeStatus, SenmlRecord } from '../../cloud/protocol/index.ts';

export type Kind = 'ball' | 'arm' | 'light';

const capabilities: Record<Kind, string[]> = {
  ball: ['leds', 'button', 'registers'],
  arm: ['accelerometer', 'motor', 'registers'],
  light: ['illuminance', 'temperature', 'supply'],
};

export class ScriptedProbe {
  readonly key: string;
  readonly kind: Kind;
  readonly id: string;
  /** Commands other than `ping`, in the order in which they came. */
  readonly commands: CommandObject[] = [];
  intervalMs = 250;
  silent = false;
  answer: (command: CommandObject) => CommandResult | Promise<CommandResult> = (command) => acknowledge(command);
  private readonly client: CloudClient;
  private readonly waiting: ((command: CommandObject) => void)[] = [];

  constructor(client: CloudClient, site: string, kind: Kind, number: number) {
    this.client = client;
    this.kind = kind;
    this.id = `0200000000${kind.length.toString(16).padStart(2, '0')}${number.toString(16).padStart(4, '0')}`;
    this.key = `${site}/${kind}-${number}`;
  }

  status(change: Partial<ProbeStatus> = {}): void {
    const status: ProbeStatus = {
      online: true,
      kind: this.kind,
      id: this.id,
      firmware: '0.1.0',
      capabilities: capabilities[this.kind],
      intervalMs: this.intervalMs,
      resetCause: 'power_on',
      boots: 1,
      transport: `emu:${this.kind}`,
      time: new Date().toISOString(),
      ...change,
    };
    this.client.publish(`${this.key}/status`, { ...status }, { retain: true });
  }

  leds(registers: number[]): void {
    this.client.publish(`${this.key}/leds`, { registers, time: Date.now() / 1000 }, { retain: true });
  }

  event(event: string, value: number): void {
    this.client.publish(`${this.key}/events`, { event, value, time: Date.now() / 1000 });
  }

  counters(counters: { [name: string]: Json }): void {
    this.client.publish(`${this.key}/counters`, counters, { retain: true });
  }

  sample(timeSeconds: number): void {
    const [first, ...rest] = this.records(timeSeconds);
    const pack = [{ bn: `urn:dev:earl:${this.id}:`, bt: timeSeconds, ...first! }, ...rest];
    this.client.publish(`${this.key}/samples`, pack as never);
  }

  /** The next command that is not a ping and passes. */
  next(passes: (command: CommandObject) => boolean = () => true): Promise<CommandObject> {
    return new Promise((resolve) => {
      this.waiting.push((command) => passes(command) && resolve(command));
    });
  }

  async execute(command: CommandObject): Promise<CommandResult> {
    if (command.name !== 'ping') {
      this.commands.push(command);
      for (const tell of this.waiting) tell(command);
    }
    return this.answer(command);
  }

  private records(t: number): SenmlRecord[] {
    const wave = (seconds: number, phase = 0) => Math.sin((2 * Math.PI * t) / seconds + phase);
    switch (this.kind) {
      case 'ball':
        return [
          { n: 'presses', u: 'count', v: Math.floor((t % 60) / 10) },
          { n: 'button', u: '/', v: t % 10 < 1 ? 1 : 0 },
        ];
      case 'arm':
        return [
          { n: 'x', u: 'm/s2', v: 2 * wave(5) },
          { n: 'y', u: 'm/s2', v: 1.2 * wave(3, 1) },
          { n: 'z', u: 'm/s2', v: 9.81 + 0.6 * wave(2, 2) },
        ];
      case 'light':
        return [
          { n: 'light', u: 'lx', v: Math.round(400 + 60 * wave(23) + 12 * wave(1.7)) },
          { n: 'temp', u: 'Cel', v: 22.1 },
          { n: 'supply', u: 'V', v: 2.981 },
        ];
    }
  }
}

/** What an obedient probe answers; set_color reaches the nearest of 16 levels. */
export function acknowledge(command: CommandObject): CommandResult {
  const level = (name: string) => Math.round(Number(command[name]) / 17);
  const data = command.name === 'set_color' ? [level('red'), level('green'), level('blue'), 6, 4, 6, 6] : [];
  return { status: 'ok', data, linkMs: 12.5 };
}

export class ScriptedGateway {
  readonly probes: ScriptedProbe[] = [];
  private readonly client: CloudClient;
  private readonly site: string;
  private readonly timer: NodeJS.Timeout;
  private readonly waiting: { left: number; resolve: () => void }[] = [];

  constructor(client: CloudClient, site: string) {
    this.client = client;
    this.site = site;
    this.timer = setInterval(() => this.sampleAll(), 250);
  }

  /** Adds probes with a minute of past samples, so that charts have something to show. */
  async add(kind: Kind, number: number, pastSeconds = 60): Promise<ScriptedProbe> {
    const probe = new ScriptedProbe(this.client, this.site, kind, number);
    this.probes.push(probe);
    const serve = (key: string, command: CommandObject) =>
      this.probes.find((candidate) => candidate.key === key)!.execute(command);
    await this.client.serve(
      this.probes.map(({ key }) => key),
      serve,
    );
    probe.status();
    const now = Date.now() / 1000;
    for (let age = pastSeconds; age > 0; age -= 0.25) probe.sample(now - age);
    return probe;
  }

  /** Births again, as a gateway does when the cloud is back. */
  announce(): void {
    for (const probe of this.probes) probe.status();
  }

  /** Resolves when every probe that is not silent has sent `count` more samples. */
  rounds(count: number): Promise<void> {
    return new Promise((resolve) => this.waiting.push({ left: count, resolve }));
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private sampleAll(): void {
    for (const probe of this.probes) if (!probe.silent) probe.sample(Date.now() / 1000);
    for (const waiter of this.waiting) if (--waiter.left === 0) waiter.resolve();
  }
}
