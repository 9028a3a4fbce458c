/** `earl balancer`: prints a configuration for HAProxy or nginx in front of several servers. */

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import {
  type BalancerWishes,
  haproxyConfiguration,
  nginxConfiguration,
  planTopology,
} from '../../cloud/balancer/index.ts';
import { defaultServerLimits } from '../../cloud/server/index.ts';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { collect } from './cloud.ts';

interface Flags {
  readonly server: string[];
  readonly listen?: string;
  readonly mqttListen?: string;
  readonly mqttServer: string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly stats?: string;
  readonly connections?: number;
  readonly tokens?: true;
  readonly unprivileged?: true;
  readonly output?: string;
}

const programs = { haproxy: haproxyConfiguration, nginx: nginxConfiguration };

/** The command, to be added to the program. */
export function balancerCommand(): Command {
  const command = new Command('balancer')
    .description('Print a configuration for HAProxy or nginx in front of several servers of one cloud')
    .addHelpText(
      'after',
      `
Examples:
  $ earl cloud --port 8081 --backplane redis://127.0.0.1:6379 --drain 10s
  $ earl cloud --port 8082 --backplane redis://127.0.0.1:6379 --drain 10s
  $ earl balancer haproxy --server 127.0.0.1:8081 --server 127.0.0.1:8082 --unprivileged -o haproxy.cfg
  $ haproxy -f haproxy.cfg                      the cloud is at http://127.0.0.1:8000
  $ earl balancer haproxy --server 10.0.0.5:8080 --server 10.0.0.6:8080 --listen 0.0.0.0:443 --tls-cert /etc/ssl/earl.pem \\
      --stats /run/haproxy/admin.sock -o /etc/haproxy/haproxy.cfg

docs/scaling.md, "Several servers", says how to restart servers one after the other.`,
    );
  for (const name of ['haproxy', 'nginx'] as const) command.addCommand(programCommand(name));
  return command;
}

function programCommand(name: keyof typeof programs): Command {
  const versions = { haproxy: 'HAProxy 2.6', nginx: 'nginx 1.22' };
  const command = new Command(name)
    .description(`For ${versions[name]} (Debian 12) or newer`)
    .option('--server <host:port>', 'where an earl cloud listens; once for each', collect, [])
    .option('--listen <addr:port>', 'where clients connect (default: 127.0.0.1:8000)')
    .option(
      '--mqtt-listen <addr:port>',
      'where clients of MQTT by TCP connect; a port alone is on the address of --listen',
    )
    .option(
      '--mqtt-server <host:port>',
      'where a server speaks MQTT; once for each, in the order of --server',
      collect,
      [],
    )
    .option(
      '--tls-cert <file>',
      name === 'haproxy' ? 'certificate chain and key in one PEM file' : 'certificate chain (PEM)',
    )
    .option('--tls-key <file>', name === 'haproxy' ? 'belongs into --tls-cert with HAProxy' : 'its private key (PEM)')
    .option('--stats <where>', name === 'haproxy' ? 'admin socket: a path, or ADDR:PORT' : 'ADDR:PORT of stub_status')
    .option('--connections <number>', 'clients that each server takes: 10000 for each of its workers', parseCount)
    .option(
      '--tokens',
      'all servers demand tokens: needed when those on loopback are to be reached from other machines',
    )
    .option('--unprivileged', 'to be run by hand, by any user, with its own files in the current folder')
    .option('-o, --output <file>', 'write there instead of printing');
  return command.action((flags: Flags) => run(name, flags));
}

function run(name: keyof typeof programs, { server, mqttServer, output, ...flags }: Flags): void {
  const absolute = (path: string | undefined) => path && resolve(path);
  const { tlsCert, tlsKey, stats, ...rest } = flags;
  const wishes = {
    ...rest,
    servers: server,
    mqttServers: mqttServer,
    ...(tlsCert === undefined ? {} : { tlsCert: absolute(tlsCert) }),
    ...(tlsKey === undefined ? {} : { tlsKey: absolute(tlsKey) }),
    ...(stats === undefined ? {} : { stats: /^\d+$|:\d+$/.test(stats) ? stats : absolute(stats) }),
  } as BalancerWishes;
  const plan = planTopology(wishes, defaultServerLimits);
  const text = programs[name](plan);
  if (output === undefined) process.stdout.write(text);
  else write(output, text);
  if (plan.hasLoopbackServers) {
    console.error('earl: servers that listen on loopback demand no token unless started with --token or --keys');
  }
}

function parseCount(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('A whole number.');
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new EarlError('OUTPUT_FAILED', `${file} cannot be written: ${errorMessage(error)}`, { cause: error });
  }
}
