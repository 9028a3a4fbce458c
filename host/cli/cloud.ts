/** `earl cloud`: runs a cloud until it is told to stop. */
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { type Cloud, type CloudOptions, startCloud } from '../../cloud/server/index.ts';
import { runWorker } from '../../cloud/workers/index.ts';
import { EarlError } from '../../errors/index.ts';
import { moveMs, parseWorkers, superviseWorkers, type WorkersOptions } from './cloud-workers.ts';
import { parseDurationMs } from './duration.ts';
import { exitCodes } from './exit-codes.ts';
import { packageRoot } from './package-root.ts';

export interface CloudCommandOptions extends WorkersOptions {
  port: number;
  host: string;
  token?: string;
  keys?: string;
  tlsCert?: string;
  tlsKey?: string;
  allowOrigin: string[];
  mqtt?: number | true;
  data?: string;
  fsync?: true;
  backplane?: string;
}

/** The command, to be added to the program. */
export function cloudCommand(): Command {
  return new Command('cloud')
    .description('Run the cloud: messages by WebSocket, the dashboard and /health on one port')
    .option('-p, --port <number>', 'TCP port; 0 takes a free one', parsePort, 8080)
    .option('--host <address>', 'address to listen on; others than loopback need a token', '127.0.0.1')
    .option('--token <text>', 'what clients must show; made up when --host is not loopback and none is given')
    .option('--keys <path>', 'file or folder of keys: clients must show a token signed with one (earl token --help)')
    .option('--tls-cert <file>', 'serve https: and wss: with this certificate (PEM, with its chain)')
    .option('--tls-key <file>', 'the private key of --tls-cert')
    .option('--allow-origin <origin>', 'let pages of another site connect; may be repeated', collect, [])
    .option('--mqtt [port]', 'speak MQTT by TCP as well, by default on 1883; 0 takes a free port', parsePort)
    .option('--data <folder>', 'keep messages on disk: what was acknowledged survives a crash of the cloud')
    .option('--fsync', 'with --data: acknowledge when the disk has a message, so that it survives the loss of power')
    .option(
      '--backplane <url>',
      'share messages with other servers: redis://HOST:PORT or nats://HOST:PORT (docs/scaling.md, "Engines")',
    )
    .option('--workers <number>', 'processes that share the port; auto: as many as the load needs', parseWorkers)
    .option(
      '--scale-down <duration>',
      'with --workers auto: end a worker that was not needed for so long (default: 1m)',
      parseDurationMs,
    )
    .option('--drain <duration>', 'at the end, send the clients away one by one over this time', parseDurationMs, 0)
    .option('--json', 'print events as JSON lines on stdout')
    .addHelpText(
      'after',
      `
Examples:
  $ earl cloud                                  dashboard at http://127.0.0.1:8080
  $ earl cloud --port 0 --json                  a free port, told as {"event":"listening",…}
  $ earl cloud --host 0.0.0.0                   for the whole network, with a new token
  $ earl cloud --host 0.0.0.0 --keys keys       for the whole network, with signed tokens (earl token)
  $ earl cloud --host 0.0.0.0 --keys keys --tls-cert fullchain.pem --tls-key privkey.pem
  $ earl cloud --data ~/earl-data               goes on where it was after a restart, or after kill -9
  $ earl cloud --backplane redis://127.0.0.1:6379    one of several servers; docs/scaling.md, "Engines"
  $ earl cloud --workers 2                      two processes on one port; docs/scaling.md, "Workers"
  $ earl cloud --workers auto --drain 5s        one to as many as there are CPUs; kill -USR2 renews them one by one
  $ earl cloud --drain 10s                      behind a balancer: no storm of reconnections at its end
  $ earl cloud --allow-origin https://lab.example
  $ earl cloud --mqtt                           mosquitto_sub -t '#' -v hears everything
  $ npx wscat -c ws://127.0.0.1:8080 -s earl.v1.json

Ctrl-C tells the clients to come back later and stops. docs/protocol.md describes the messages.`,
    )
    .action(run);
}

async function run(options: CloudCommandOptions): Promise<void> {
  if (options.workers !== undefined && cluster.isWorker) return await runWorker(cloudOptions(options), moveMs(options));
  const stop = untilSignal();
  const cloud = await startAny(options).catch((error: unknown) => {
    if (!(error instanceof EarlError) || error.code !== 'PORT_IN_USE') throw error;
    throw new EarlError(
      error.code,
      `${error.message}, e.g. earl cloud --port ${options.port < 65_535 ? options.port + 1 : 0}`,
      { cause: error },
    );
  });
  stop.onSecond(() => cloud.kill());
  announce(cloud, options);
  cloud.announced();
  await Promise.race([stop.first, cloud.failed]).catch(async (error: unknown) => {
    await cloud.drain(0);
    throw error;
  });
  console.error('earl: telling the clients and stopping; press Ctrl-C again to stop at once');
  await cloud.drain(options.drain);
  if (options.json) console.log(JSON.stringify({ event: 'stopped' }));
}

/** A cloud in this process, or in several. */
export interface RunningCloud extends Pick<Cloud, 'url' | 'token' | 'mqttPort'> {
  /** Of a cloud in this process; workers say it in their /health. */
  readonly sockets?: string;
  /** Rejects when it cannot go on. */
  readonly failed: Promise<never>;
  /** The address has been told: now what happens may be. */
  announced(): void;
  drain(overMs: number): Promise<void>;
  /** Ends at once what this process would leave behind. */
  kill(): void;
}

async function startAny(options: CloudCommandOptions): Promise<RunningCloud> {
  const cloud = cloudOptions(options);
  if (options.workers !== undefined) return await superviseWorkers(options, options.workers, cloud);
  const { url, token, mqttPort, sockets, drain } = await startCloud(cloud).then((started) => ({
    url: started.url,
    token: started.token,
    mqttPort: started.mqttPort,
    sockets: started.sockets,
    drain: (overMs: number) => started.drain(overMs),
  }));
  return {
    url,
    token,
    mqttPort,
    sockets,
    drain,
    failed: new Promise<never>(() => {}),
    announced: () => {},
    kill: () => {},
  };
}

function cloudOptions(options: CloudCommandOptions): CloudOptions {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return {
    host: options.host,
    port: options.port,
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.keys === undefined ? {} : { keys: resolve(options.keys) }),
    ...tlsOption(options),
    allowedOrigins: options.allowOrigin,
    ...mqttOption(options),
    ...storeOption(options),
    webRoot: join(packageRoot(), 'dist/cloud/web'),
    serverName: `earl/${version}`,
    log: (line) => console.error(line),
  };
}

function tlsOption({ tlsCert, tlsKey }: CloudCommandOptions): Pick<CloudOptions, 'tls'> {
  if (tlsCert !== undefined && tlsKey !== undefined) return { tls: { cert: resolve(tlsCert), key: resolve(tlsKey) } };
  if (tlsCert === undefined && tlsKey === undefined) return {};
  throw new EarlError('USAGE', '--tls-cert and --tls-key belong together');
}

function storeOption({ data, fsync, backplane }: CloudCommandOptions): Pick<CloudOptions, 'journal' | 'backplane'> {
  if (backplane !== undefined && data !== undefined) {
    throw new EarlError('USAGE', '--data and --backplane do not go together: the engine keeps the messages');
  }
  if (backplane !== undefined) return { backplane };
  if (data !== undefined) return { journal: { folder: resolve(data), fsync: fsync === true } };
  if (fsync) throw new EarlError('USAGE', '--fsync needs --data FOLDER');
  return {};
}

function mqttOption({ mqtt }: CloudCommandOptions): Pick<CloudOptions, 'mqttPort'> {
  return mqtt === undefined ? {} : { mqttPort: mqtt === true ? 1883 : mqtt };
}

function announce(cloud: RunningCloud, options: CloudCommandOptions): void {
  const { url, token, mqttPort } = cloud;
  const websocket = url.replace(/^http/, 'ws');
  // The dashboard reads the token from the fragment, which browsers do not send to any server.
  const dashboard = token === undefined ? url : `${url}/#token=${encodeURIComponent(token)}`;
  if (options.json) {
    console.log(
      JSON.stringify({
        event: 'listening',
        url,
        websocket,
        dashboard,
        ...(mqttPort ? { mqttPort } : {}),
        ...(cloud.sockets ? { sockets: cloud.sockets } : {}),
        ...(token ? { token } : {}),
      }),
    );
    return;
  }
  console.log(dashboard);
  console.error(`The dashboard is at the address above, clients connect to ${websocket}.`);
  if (mqttPort !== undefined)
    console.error(`MQTT by TCP is on port ${mqttPort}: mosquitto_sub -p ${mqttPort} -t '#' -v`);
  if (token !== undefined) console.error(`Clients need the token ${token}`);
  if (options.keys !== undefined) console.error('Clients need a token by: earl token sign --keys …');
  console.error(`Next: earl gateway --cloud ${websocket}${token === undefined ? '' : ` --token ${token}`}`);
}

interface Stop {
  /** Resolves at the first Ctrl-C or SIGTERM. */
  readonly first: Promise<void>;
  /** What is to be done at the second, which ends the process as the shell expects. */
  onSecond(cleanUp: () => void): void;
}

function untilSignal(): Stop {
  let cleanUp = () => {};
  const first = new Promise<void>((resolve) => {
    let signals = 0;
    const onSignal = () => {
      signals += 1;
      if (signals > 1) {
        cleanUp();
        process.exit(exitCodes.interrupted);
      }
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
  return {
    first,
    onSecond: (what) => {
      cleanUp = what;
    },
  };
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('A port is a whole number from 0 to 65535.');
  return port;
}

export function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}
