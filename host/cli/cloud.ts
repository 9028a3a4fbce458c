/** `earl cloud`: runs a cloud until it is told to stop. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { type Cloud, type CloudOptions, startCloud } from '../../cloud/server/index.ts';
import { EarlError } from '../../errors/index.ts';
import { parseDurationMs } from './duration.ts';
import { exitCodes } from './exit-codes.ts';
import { packageRoot } from './package-root.ts';

interface CloudCommandOptions {
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
  drain: number;
  json?: true;
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
    .option('--backplane <url>', 'share messages with other servers: redis://HOST:PORT[/DATABASE] or nats://HOST:PORT')
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
  $ earl cloud --backplane redis://127.0.0.1:6379    one of several servers; docs/operations.md, "Engines"
  $ earl cloud --drain 10s                      behind a balancer: no storm of reconnections at its end
  $ earl cloud --allow-origin https://lab.example
  $ earl cloud --mqtt                           mosquitto_sub -t '#' -v hears everything
  $ npx wscat -c ws://127.0.0.1:8080 -s earl.v1.json

Ctrl-C tells the clients to come back later and stops. docs/protocol.md describes the messages.`,
    )
    .action(run);
}

async function run(options: CloudCommandOptions): Promise<void> {
  const stop = untilSignal();
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  const cloud = await startCloud({
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
  }).catch((error: unknown) => {
    if (!(error instanceof EarlError) || error.code !== 'PORT_IN_USE') throw error;
    throw new EarlError(
      error.code,
      `${error.message}, e.g. earl cloud --port ${options.port < 65_535 ? options.port + 1 : 0}`,
      { cause: error },
    );
  });
  announce(cloud, options);
  await stop;
  console.error('earl: telling the clients and stopping; press Ctrl-C again to stop at once');
  await cloud.drain(options.drain);
  if (options.json) console.log(JSON.stringify({ event: 'stopped' }));
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

function announce(cloud: Cloud, options: CloudCommandOptions): void {
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

/** Resolves at the first Ctrl-C or SIGTERM; the second ends the process as the shell expects. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = () => {
      signals += 1;
      if (signals > 1) process.exit(exitCodes.interrupted);
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('A port is a whole number from 0 to 65535.');
  return port;
}

export function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}
