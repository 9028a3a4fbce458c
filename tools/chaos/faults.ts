/** The kinds of faults, each made of a target and the generator's numbers. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { EarlError } from '../../errors/index.ts';
import type { Observer } from './observers.ts';
import type { Program } from './programs.ts';
import type { FaultyProxy } from './proxy.ts';
import type { Fault, FaultSource } from './topology.ts';

const nothing = () => {};

/** kill -9, and after a while the same program on the same port and folder. */
export function kill(...programs: Program[]): FaultSource {
  return (random) => {
    const program = random.pick(programs);
    const holdMs = random.between(0, 1000);
    return {
      kind: `kill ${kindOf(program.name)}`,
      what: `kill -9 of ${program.name}, started again after ${holdMs} ms`,
      target: program.name,
      holdMs,
      inject: () => program.end('SIGKILL'),
      heal: () => program.start(),
    };
  };
}

/** SIGTERM: an orderly end, as in a rolling restart. */
export function restart(...programs: Program[]): FaultSource {
  return (random) => {
    const program = random.pick(programs);
    const holdMs = random.between(0, 300);
    return {
      kind: `restart ${kindOf(program.name)}`,
      what: `SIGTERM to ${program.name}, started again ${holdMs} ms after its end`,
      target: program.name,
      holdMs,
      inject: () => program.end('SIGTERM'),
      heal: () => program.start(),
    };
  };
}

/** SIGSTOP and SIGCONT: clients give it up, and it wakes up with what it knew. */
export function pause(...programs: Program[]): FaultSource {
  return (random) => {
    const program = random.pick(programs);
    const holdMs = random.between(500, 5000);
    return {
      kind: `pause ${kindOf(program.name)}`,
      what: `SIGSTOP of ${program.name} for ${holdMs} ms`,
      target: program.name,
      holdMs,
      inject: () => program.pause(),
      heal: () => program.resume(),
    };
  };
}

/** kill -9 of one of the processes that a program has started; it starts another itself. */
export function killChild(program: Program): FaultSource {
  return (random) => {
    const draw = random.next();
    let pid: number | undefined;
    return {
      kind: 'kill worker',
      what: `kill -9 of a worker of ${program.name}`,
      target: program.name,
      holdMs: 0,
      inject: () => {
        const children = program.children();
        pid = children[Math.floor(draw * children.length)];
        if (pid !== undefined) signalProcess(pid, 'SIGKILL');
      },
      heal: nothing,
    };
  };
}

/** SIGSTOP and SIGCONT of one worker, while the others go on. */
export function pauseChild(program: Program): FaultSource {
  return (random) => {
    const draw = random.next();
    const holdMs = random.between(500, 5000);
    let pid: number | undefined;
    return {
      kind: 'pause worker',
      what: `SIGSTOP of a worker of ${program.name} for ${holdMs} ms`,
      target: program.name,
      holdMs,
      inject: () => {
        const children = program.children();
        pid = children[Math.floor(draw * children.length)];
        if (pid !== undefined) signalProcess(pid, 'SIGSTOP');
      },
      heal: () => {
        if (pid !== undefined) signalProcess(pid, 'SIGCONT');
      },
    };
  };
}

/** SIGSTOP and SIGCONT of the primary, while its workers go on talking to clients. */
export function pausePrimary(program: Program): FaultSource {
  return (random) => {
    const holdMs = random.between(500, 5000);
    return {
      kind: 'pause primary',
      what: `SIGSTOP of the primary of ${program.name} for ${holdMs} ms`,
      target: program.name,
      holdMs,
      inject: () => program.signalParent('SIGSTOP'),
      heal: () => program.signalParent('SIGCONT'),
    };
  };
}

/** kill -9 of the primary alone; the workers have to notice, or nobody could start it again. */
export function killPrimary(program: Program, onOrphans: (what: string) => void): FaultSource {
  return (random) => {
    const holdMs = random.between(500, 1500);
    let endOrphans = () => false;
    return {
      kind: 'kill primary',
      what: `kill -9 of the primary of ${program.name}, started again after ${holdMs} ms`,
      target: program.name,
      holdMs,
      inject: async () => {
        endOrphans = await program.killParent();
      },
      heal: async () => {
        await program.start();
        if (endOrphans()) onOrphans(`workers of ${program.name} outlived their primary`);
      },
    };
  };
}

/** Redis has no memory left for a while: it answers, and takes nothing. */
export function refuse(redis: Program): FaultSource {
  return (random) => {
    const holdMs = random.between(200, 2000);
    return {
      kind: 'full redis',
      what: `${redis.name} has no memory left for ${holdMs} ms and refuses`,
      target: redis.name,
      holdMs,
      inject: () => tellRedis(redis, 'CONFIG SET maxmemory 1'),
      heal: () => tellRedis(redis, 'CONFIG SET maxmemory 0'),
    };
  };
}

/** An inline command (Redis serialization protocol specification, "Inline commands"). */
async function tellRedis(redis: Program, command: string): Promise<void> {
  const socket = connect(redis.port, redis.host);
  socket.write(`${command}\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  if (!answer.toString().startsWith('+OK')) throw new EarlError('CHAOS_REDIS', `${command}: ${answer}`);
}

/** All connections through a proxy end at once. */
export function cut(name: string, proxy: FaultyProxy): FaultSource {
  return () => ({
    kind: `cut ${name}`,
    what: `all TCP connections between ${name} cut`,
    target: name,
    holdMs: 0,
    inject: () => {
      proxy.cut();
    },
    heal: nothing,
  });
}

/** Nothing passes for a while; then it goes on, or all connections are cut. */
export function partition(name: string, proxy: FaultyProxy): FaultSource {
  return (random) => {
    const holdMs = random.between(500, 5000);
    const cuts = random.chance(0.5);
    return {
      kind: `partition ${name}`,
      what: `nothing passes between ${name} for ${holdMs} ms, then ${cuts ? 'the connections are cut' : 'it goes on'}`,
      target: name,
      holdMs,
      inject: () => proxy.setHole(true),
      heal: () => {
        if (cuts) proxy.cut();
        proxy.setHole(false);
      },
    };
  };
}

/** Every piece of data comes late for a while. */
export function slow(name: string, proxy: FaultyProxy): FaultSource {
  return (random) => {
    const holdMs = random.between(500, 3000);
    const delayMs = random.between(10, 200);
    return {
      kind: `delay ${name}`,
      what: `${delayMs} ms delay between ${name} for ${holdMs} ms`,
      target: name,
      holdMs,
      inject: () => proxy.setDelay(delayMs),
      heal: () => proxy.setDelay(0),
    };
  };
}

/** A subscriber that does not read for a while. */
export function stall(observers: readonly Observer[]): FaultSource {
  const able = observers.filter((observer) => observer.setReading !== undefined);
  return (random): Fault => {
    const observer = random.pick(able);
    const holdMs = random.between(1000, 6000);
    return {
      kind: 'stall subscriber',
      what: `${observer.name} does not read for ${holdMs} ms`,
      target: observer.name,
      holdMs,
      inject: () => observer.setReading!(false),
      heal: () => observer.setReading!(true),
    };
  };
}

/** `server-2` is a `server`. */
function kindOf(name: string): string {
  return name.replace(/-\d+$/, '');
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}
