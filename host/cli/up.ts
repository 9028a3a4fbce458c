/** `earl up`: cloud, gateway and emulated probes in one process; `make start` is this command. */

import { join } from 'node:path';
import { Command } from 'commander';
import { type Cloud, startCloud } from '../../cloud/server/index.ts';
import { EarlError } from '../../errors/index.ts';
import type { Log } from '../gateway/index.ts';
import { collect, parsePort } from './cloud.ts';
import { checkSite, type ProbeFlags, probeUrls, withProbeFlags } from './gateway.ts';
import { packageRoot } from './package-root.ts';
import { startRelay } from './relay.ts';
import { closeAll, logPrinter, programName, stopSignal } from './service.ts';

interface UpFlags extends ProbeFlags {
  port: number;
  host: string;
  token?: string;
  allowOrigin: string[];
  site: string;
  probes: string[] | false;
  json?: true;
}

const examples = `
Examples:
  $ earl up                                 dashboard on http://127.0.0.1:8080 with a ball, an arm band and a light sensor
  $ earl up --port 0 --json                 a free port, told as {"event":"listening",…}; then one line per probe
  $ earl up --probes ball,ball,light        two balls and a light sensor
  $ earl up --no-probes --serial auto       real probes only
  $ earl up --host 0.0.0.0                  for the whole network, with a new token

The probes run the released firmware in an emulator. Ctrl-C stops everything.`;

export function upCommand(): Command {
  return withProbeFlags(new Command('up'))
    .description('Start everything: the cloud with its dashboard, the gateway and three emulated probes')
    .option('-p, --port <number>', 'TCP port of the dashboard; 0 takes a free one', parsePort, 8080)
    .option('--host <address>', 'address to listen on; others than loopback need a token', '127.0.0.1')
    .option('--token <text>', 'what clients must show; made up when --host is not loopback and none is given')
    .option('--allow-origin <origin>', 'let pages of another site connect; may be repeated', collect, [])
    .option('--site <name>', 'first level of every topic', 'home')
    .option('--probes <kinds>', 'emulated probes, separated by commas', parseKinds, ['ball', 'arm', 'light'])
    .option('--no-probes', 'no emulated probes')
    .option('--json', 'print events as JSON lines on stdout')
    .addHelpText('after', examples)
    .action(run);
}

async function run(flags: UpFlags): Promise<void> {
  const signal = stopSignal();
  const log = logPrinter(flags.json === true);
  const site = checkSite(flags.site);
  const cloud = await startCloud({
    host: flags.host,
    port: flags.port,
    ...(flags.token !== undefined && { token: flags.token }),
    allowedOrigins: flags.allowOrigin,
    webRoot: join(packageRoot(), 'dist/cloud/web'),
    serverName: programName(),
    log: (message) => log({ level: 'warn', event: 'cloud', message }),
  }).catch((error: unknown) => {
    throw withHint(error, flags.port);
  });
  const closers = [() => cloud.close()];
  try {
    const relay = await startRelay({
      cloudUrl: localUrl(cloud),
      token: cloud.token,
      site,
      probes: [...emulatedUrls(flags.probes || []), ...probeUrls(flags)],
      adapter: flags.adapter,
      bleIntervalMs: flags.bleInterval,
      trust: flags.trust,
      log,
    });
    closers.unshift(() => relay.close());
    announce(cloud, flags.json === true, log);
    await signal.stopped;
  } finally {
    await closeAll(closers);
  }
  log({ level: 'info', event: 'stopped', message: 'stopped' });
}

function announce(cloud: Cloud, json: boolean, log: Log): void {
  const websocket = cloud.url.replace(/^http/, 'ws');
  // The dashboard reads the token from the fragment, which browsers do not send to any server.
  const dashboard = cloud.token === undefined ? cloud.url : `${cloud.url}/#token=${encodeURIComponent(cloud.token)}`;
  const token = cloud.token === undefined ? {} : { token: cloud.token };
  if (json) {
    log({ level: 'info', event: 'listening', message: dashboard, url: cloud.url, websocket, dashboard, ...token });
    return;
  }
  console.log(`Earl runs at ${dashboard}`);
  console.error(`Clients connect to ${websocket}${cloud.token ? ` with the token ${cloud.token}` : ''}. Ctrl-C stops.`);
}

/** Where this machine reaches a cloud that may listen on all its addresses. */
function localUrl({ url }: Cloud): string {
  return url.replace(/^http/, 'ws').replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

/** One URL a probe; the seed tells the second of a kind apart, and gives each the same id in every run. */
function emulatedUrls(kinds: readonly string[]): string[] {
  return kinds.map((kind, index) => {
    const number = kinds.slice(0, index).filter((earlier) => earlier === kind).length + 1;
    return number === 1 ? `emu:${kind}` : `emu:${kind}?seed=${number}`;
  });
}

function parseKinds(text: string): string[] {
  return text.split(',').map((kind) => kind.trim());
}

function withHint(error: unknown, port: number): unknown {
  if (!(error instanceof EarlError) || error.code !== 'PORT_IN_USE') return error;
  const next = port < 65_535 ? port + 1 : 0;
  const message = `${error.message}, e.g. earl up --port ${next} or make start PORT=${next}`;
  return new EarlError(error.code, message, { cause: error });
}
