/** `earl gateway`: relays probes to a cloud that runs elsewhere. The work is in host/gateway. */

import { hostname } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { EarlError } from '../../errors/index.ts';
import { parseTrustMode, type TrustMode } from '../probes/index.ts';
import { LONGEST_INTERVAL_MS, SHORTEST_INTERVAL_MS } from '../transport/ble-url.ts';
import { collect } from './cloud.ts';
import { parseDurationMs } from './duration.ts';
import { BLE_AUTO, startRelay } from './relay.ts';
import { closeAll, logPrinter, stopSignal } from './service.ts';
import { type TokenFlags, tokenSource, withTokenOptions } from './token-file.ts';

export interface ProbeFlags {
  serial: string[];
  tcp: string[];
  probe: string[];
  ble?: true;
  adapter?: string;
  bleInterval?: number;
  trust: TrustMode;
}

interface GatewayFlags extends ProbeFlags, TokenFlags {
  cloud: string;
  site: string;
  counters: number;
  json?: true;
}

const examples = `
Examples:
  $ earl gateway --serial auto                          every LaunchPad that is plugged in, now or later
  $ earl gateway --serial /dev/ttyACM0 --cloud wss://earl.example.org --token TOKEN --site kitchen
  $ earl gateway --serial auto --cloud wss://earl.example.org --token-file /run/earl/token   renewed while it runs
  $ earl emulate ball --tcp 4000 &
  $ earl gateway --tcp 127.0.0.1:4000 --probe emu:light   one probe behind TCP, one emulated in this process
  $ earl gateway --ble --serial auto                    every Bluetooth bridge and every LaunchPad, now or later
  $ earl gateway --probe ble:Earl44556677 --adapter hci1
  $ earl air &
  $ earl emulate arm --ble --adapter air: &
  $ earl gateway --ble --adapter air:                   emulated probes on a virtual radio, no hardware at all

A probe that comes by air or network must be known here and prove it: earl probes list shows who waits, earl probes accept
ID lets it in (docs/security.md).

What a probe says is published as SITE/PROBE/samples, status, events, leds and counters. A probe that is lost is looked
for until it is back; while the cloud is away samples are kept, and what had to be dropped is counted and said.`;

export function gatewayCommand(): Command {
  const command = withProbeFlags(new Command('gateway'))
    .description('Relay probes on serial ports, TCP, Bluetooth or emulated ones to a cloud')
    .option('--cloud <url>', 'where the cloud listens', 'ws://127.0.0.1:8080');
  return withTokenOptions(command)
    .option('--site <name>', 'first level of every topic', siteName(hostname()))
    .addOption(
      new Option('--counters <duration>', 'time between two looks at the counters of a probe')
        .argParser(parseDurationMs)
        .default(10_000, '10s'),
    )
    .option('--json', 'print events as JSON lines on stdout')
    .addHelpText('after', examples)
    .action(run);
}

/** The options that say where probes are. */
export function withProbeFlags(command: Command): Command {
  return command
    .option('--serial <path>', 'serial port, or "auto" for every LaunchPad; may be repeated', collect, [])
    .option('--tcp <host:port>', 'probe behind a TCP port; may be repeated', collect, [])
    .option('--probe <url>', 'serial:PATH, tcp:HOST:PORT, ble:NAME or emu:KIND; may be repeated', collect, [])
    .option('--ble', 'every serial bridge that advertises on Bluetooth Low Energy, now or later')
    .option('--adapter <url>', 'Bluetooth adapter: auto, hci0, uart:PORT or air:HOST:PORT')
    .option('--ble-interval <ms>', 'between two meetings of a Bluetooth link, 30 when absent', parseBleInterval)
    .option(
      '--trust <whom>',
      'probes that are taken in unknown: "wired" (on a wire, or emulated here), "none" or "all"',
      parseTrustMode,
      'wired' as const,
    );
}

function parseBleInterval(text: string): number {
  const ms = Number(text);
  if (text.trim() !== '' && ms >= SHORTEST_INTERVAL_MS && ms <= LONGEST_INTERVAL_MS) return ms;
  throw new InvalidArgumentError(`Give milliseconds from ${SHORTEST_INTERVAL_MS} to ${LONGEST_INTERVAL_MS}.`);
}

/** The transports that the options name. */
export function probeUrls({ serial, tcp, probe, ble }: ProbeFlags): string[] {
  return [
    ...serial.map((path) => `serial:${path}`),
    ...tcp.map((address) => `tcp:${address}`),
    ...probe,
    ...(ble ? [BLE_AUTO] : []),
  ];
}

/** A topic level, or `USAGE`. */
export function checkSite(site: string): string {
  if (/^[^\s/+#$][^\s/+#]{0,62}$/.test(site)) return site;
  throw new EarlError('USAGE', `"${site}" is no name for a site: use letters, digits and dashes, e.g. --site kitchen`);
}

async function run(flags: GatewayFlags): Promise<void> {
  const signal = stopSignal();
  const log = logPrinter(flags.json === true);
  const probes = probeUrls(flags);
  if (probes.length === 0) {
    throw new EarlError(
      'USAGE',
      'no probe was named: try --serial auto, --ble, or --probe emu:ball for an emulated one',
    );
  }
  let refused: unknown;
  const relay = await startRelay({
    cloudUrl: flags.cloud,
    token: tokenSource(flags),
    site: checkSite(flags.site),
    probes,
    adapter: flags.adapter,
    bleIntervalMs: flags.bleInterval,
    trust: flags.trust,
    log,
    countersMs: flags.counters,
    onRefused: (error) => {
      refused = error;
      signal.stop();
    },
  });
  await signal.stopped;
  await closeAll([() => relay.close()]);
  if (refused !== undefined) throw withHint(refused);
  log({ level: 'info', event: 'stopped', message: 'stopped' });
}

/** A token on the command line has no successor. */
function withHint(error: unknown): unknown {
  if (!(error instanceof EarlError) || error.code !== 'CLOUD_UNAUTHORIZED') return error;
  const hint = 'start with one that is in force, or with --token-file, whose file is read again when it changes';
  return new EarlError(error.code, `${error.message}: ${hint}`, { cause: error });
}

/** A host name as a topic level. */
function siteName(name: string): string {
  const plain = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return plain.replace(/^-|-$/g, '').slice(0, 63) || 'site';
}
