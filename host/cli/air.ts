/**
 * `earl air`: a virtual air for this machine. Each TCP connection, and each pseudo-terminal asked for, is a Bluetooth
 * controller; who has one can advertise, scan and connect, and cannot tell that there is no antenna.
 */
import { Command, InvalidArgumentError } from 'commander';
import { EarlError } from '../../errors/index.ts';
import {
  BtsnoopFile,
  DEFAULT_AIR_PORT,
  type PtyEnd,
  serveAir,
  servePty,
  VirtualAir,
  type VirtualController,
} from '../radio/index.ts';
import { closeAll, logPrinter, stopSignal } from './service.ts';

interface AirFlags {
  port: number;
  host: string;
  loss: number;
  ptys: number;
  seed: number;
  btsnoop?: string;
  json?: true;
}

const LIVE_LINE_MS = 1000;

const examples = `
Examples:
  $ earl air                                  adapters at air:127.0.0.1:7433, which --adapter auto finds
  $ earl emulate arm --ble                    in a second terminal: a probe on it
  $ earl gateway --ble                        in a third: a gateway that finds the probe
  $ earl air --loss 1% --btsnoop hci.btsnoop  every hundredth packet is lost; the trace opens in Wireshark
  $ earl air --ptys 2                         two controllers on pseudo-terminals, for any program that opens an
                                              HCI adapter as a serial port
  $ earl air --json                           events as JSON lines on stdout

When a node leaves, and at Ctrl-C, it says what the node's radio used. docs/radio.md says what the air models.`;

export function airCommand(): Command {
  return new Command('air')
    .description('Run a virtual Bluetooth air: adapters without hardware for gateways and emulated probes')
    .option('-p, --port <number>', 'TCP port; 0 takes a free one', parsePort, DEFAULT_AIR_PORT)
    .option('--host <address>', 'address to listen on; there is no authentication', '127.0.0.1')
    .option('--loss <share>', 'share of packets that get lost, e.g. 1% or 0.01', parseLoss, 0)
    .option('--ptys <number>', 'controllers on pseudo-terminals besides', parseCount, 0)
    .option('--seed <number>', 'of everything random: addresses, delays, losses', parseCount, 1)
    .option('--btsnoop <file>', 'write the HCI traffic of all nodes for Wireshark or btmon')
    .option('--json', 'print events as JSON lines on stdout')
    .addHelpText('after', examples)
    .action(runAir);
}

async function runAir(flags: AirFlags): Promise<void> {
  const stop = stopSignal();
  const log = logPrinter(flags.json === true);
  const air = new VirtualAir({ seed: flags.seed, lossRate: flags.loss });
  const trace = flags.btsnoop === undefined ? undefined : new BtsnoopFile(flags.btsnoop);
  const print = flags.json ? (event: object) => console.log(JSON.stringify(event)) : undefined;
  const joined = (node: VirtualController) => {
    if (trace !== undefined) node.trace = trace.controller(node.name, node.address);
    print?.({ event: 'joined', name: node.name, address: node.address });
  };
  const server = await serveAir(air, {
    host: flags.host,
    port: flags.port,
    onJoin: joined,
    onLeave: (node) => {
      if (print) print({ event: 'left', ...summary(node) });
      else say(`left: ${describe(summary(node))}`);
    },
    onTurnedOut: (peer, why) =>
      log({ level: 'warn', event: 'turned-out', message: `${peer} was turned out: ${why.message}` }),
  });
  const ptys = await openPtys(air, flags.ptys, joined);
  if (print) print({ event: 'listening', url: server.url, ptys: ptys.map(({ path }) => path) });
  else announce(server.url, ptys, flags);
  const stopLive = flags.json ? () => {} : liveLine(air);
  await stop.stopped;
  stopLive();
  const nodes = air.controllers.map(summary);
  await closeAll([
    async () => {
      for (const pty of ptys) pty.close();
    },
    () => server.close(),
    async () => {
      air.close();
      trace?.close();
    },
  ]);
  if (print) print({ event: 'stopped', ...air.counters, nodes });
  else for (const node of nodes) console.error(describe(node));
}

async function openPtys(air: VirtualAir, count: number, joined: (node: VirtualController) => void): Promise<PtyEnd[]> {
  const ends: PtyEnd[] = [];
  for (let index = 0; index < count; index++) {
    const node = air.attach({ name: `pty ${index + 1}` });
    joined(node);
    ends.push(await servePty(node));
  }
  return ends;
}

function announce(url: string, ptys: readonly PtyEnd[], flags: AirFlags): void {
  console.log(url);
  for (const { path } of ptys) console.log(`uart:${path}`);
  const adapter = url.endsWith(`:${DEFAULT_AIR_PORT}`) ? '' : ` --adapter ${url}`;
  console.error(`The air is up${flags.loss === 0 ? '' : `, ${flags.loss * 100} % of its packets get lost`}.`);
  console.error(`Next: earl emulate arm --ble${adapter}, and earl gateway --ble${adapter}`);
}

/** A line for good, in place of the live one. */
function say(line: string): void {
  console.error(process.stderr.isTTY ? `\r\x1b[K${line}` : line);
}

/** One line that is written over, on a terminal; a line for each change where there is none. */
function liveLine(air: VirtualAir): () => void {
  let last = '';
  const timer = setInterval(() => {
    const line = `${count(air.controllers.length, 'node')}, ${count(air.connections, 'connection')}`;
    if (line === last) return;
    last = line;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
    else console.error(line);
  }, LIVE_LINE_MS);
  return () => {
    clearInterval(timer);
    if (process.stderr.isTTY && last !== '') process.stderr.write('\n');
  };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function summary(node: VirtualController) {
  const { txUs, rxUs, chargeUc } = node.energy;
  return {
    name: node.name,
    address: node.address,
    txMs: Math.round(txUs / 1000),
    rxMs: Math.round(rxUs / 1000),
    chargeMc: Math.round(chargeUc) / 1000,
    ...node.counters,
  };
}

function describe(node: ReturnType<typeof summary>): string {
  return `${node.address}  ${node.name}: ${node.txMs} ms sent, ${node.rxMs} ms listened, ${node.chargeMc} mC`;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError('a port is 0 to 65535');
  return port;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0) throw new InvalidArgumentError('a whole number is needed');
  return count;
}

/** `1%`, `0.5 %` or `0.01`. Throws `USAGE`. */
export function parseLoss(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(%)?$/.exec(text.trim());
  const share = Number(match?.[1]) / (match?.[2] === '%' ? 100 : 1);
  if (match === null || share > 1) {
    throw new EarlError('USAGE', `"${text}" is no share of packets: write 1% or 0.01, at most 100%`);
  }
  return share;
}
