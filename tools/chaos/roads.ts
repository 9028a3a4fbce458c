/**
 * The roads between servers and their engine, one for each server, so that one can be cut off while others are not.
 *
 * Where privileges allow, the engine lives in a network namespace of its own and each road is a pair of virtual Ethernet
 * devices: a partition takes the link down, and the kernels of both sides do what they do when a cable is pulled. The run
 * is in a namespace itself then (isolation.ts), so that nothing of the machine's network is touched. Elsewhere each road
 * is a TCP proxy.
 */

import { execFileSync } from 'node:child_process';
import { EarlError } from '../../errors/index.ts';
import { cut, partition } from './faults.ts';
import { freePort, type Guard, Program } from './programs.ts';
import { FaultyProxy } from './proxy.ts';
import type { FaultSource } from './topology.ts';

export interface Roads {
  /** Where the engine is for the run itself, which no fault cuts off. */
  readonly engineHost: string;
  /** Address that the engine is to listen on. */
  readonly listenHost: string;
  /** What starts a program where the engine is to be. */
  readonly wrapper: readonly string[];
  /** A road for one more server: `host:port` for it, and what may befall the road. */
  add(name: string, enginePort: number): Promise<{ readonly address: string; readonly faults: readonly FaultSource[] }>;
  close(): Promise<void>;
}

export interface RoadOptions {
  readonly folder: string;
  readonly guard: Guard;
  readonly onCrash: (what: string) => void;
}

export class ProxyRoads implements Roads {
  readonly engineHost = '127.0.0.1';
  readonly listenHost = '127.0.0.1';
  readonly wrapper = [];
  readonly #proxies: FaultyProxy[] = [];

  async add(name: string, enginePort: number): ReturnType<Roads['add']> {
    const proxy = await FaultyProxy.start(await freePort(), () => enginePort);
    this.#proxies.push(proxy);
    return { address: `127.0.0.1:${proxy.port}`, faults: [cut(name, proxy), partition(name, proxy)] };
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
  }
}

export class NamespaceRoads implements Roads {
  readonly engineHost: string;
  readonly listenHost = '0.0.0.0';
  readonly wrapper: readonly string[];
  readonly #holder: Program;
  #links = 0;

  /** The namespace lasts as long as a process in it that does nothing. */
  static async make(options: RoadOptions): Promise<NamespaceRoads> {
    const holder = new Program({
      ...{ name: 'namespace', port: 0, ready: 'made', ...options },
      ...{ command: 'unshare', args: ['--net', '/bin/sh', '-c', 'ip link set lo up; echo made; exec sleep infinity'] },
    });
    await holder.start();
    return new NamespaceRoads(holder);
  }

  private constructor(holder: Program) {
    this.#holder = holder;
    this.wrapper = ['nsenter', `--net=/proc/${holder.pid}/ns/net`];
    this.engineHost = this.#link().there;
  }

  async add(name: string, enginePort: number): ReturnType<Roads['add']> {
    const { there, device } = this.#link();
    const set = (state: 'up' | 'down') => this.#inside('ip', 'link', 'set', device, state);
    const fault: FaultSource = (random) => {
      const holdMs = random.between(500, 5000);
      return {
        kind: `partition ${name}`,
        what: `the link between ${name} is down for ${holdMs} ms`,
        target: name,
        holdMs,
        inject: () => set('down'),
        heal: () => set('up'),
      };
    };
    // Twice, for there are two with proxies.
    return { address: `${there}:${enginePort}`, faults: [fault, fault] };
  }

  async close(): Promise<void> {
    await this.#holder.end('SIGKILL');
  }

  /** One more pair of devices; the address of the far end, and its device there. */
  #link(): { there: string; device: string } {
    const number = this.#links++;
    const [here, there] = [`10.77.${number}.1`, `10.77.${number}.2`];
    // Names of this namespace: those of an earlier round have ended with its engine's namespace, but perhaps not yet.
    const device = `e${this.#holder.pid}-${number}`;
    run('ip', 'link', 'add', 'name', `s${this.#holder.pid}-${number}`, 'type', 'veth', 'peer', 'name', device);
    run('ip', 'link', 'set', device, 'netns', String(this.#holder.pid));
    run('ip', 'addr', 'add', `${here}/30`, 'dev', `s${this.#holder.pid}-${number}`);
    run('ip', 'link', 'set', `s${this.#holder.pid}-${number}`, 'up');
    this.#inside('ip', 'addr', 'add', `${there}/30`, 'dev', device);
    this.#inside('ip', 'link', 'set', device, 'up');
    return { there, device };
  }

  #inside(...command: string[]): void {
    run(...this.wrapper, ...command);
  }
}

function run(...command: string[]): void {
  try {
    execFileSync(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new EarlError('CHAOS_NETWORK', `${command.join(' ')} failed: ${String(error)}`, { cause: error });
  }
}
