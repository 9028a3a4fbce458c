/**
 * What stands before what: the addresses, files and limits that a balancer's configuration is made of, checked.
 *
 * Everything ends up in a file that another program reads word by word, so what would break out of its word there
 * (spaces, quotes, semicolons, `#`) is refused here.
 */

import { EarlError } from '../../errors/index.ts';

/** What a user says. */
export interface BalancerWishes {
  /** `HOST:PORT` of each server. */
  readonly servers: readonly string[];
  /** `ADDR:PORT` or `PORT`. Default `127.0.0.1:8000`. */
  readonly listen?: string;
  /** `ADDR:PORT`, or `PORT` on the address of `listen`, for MQTT by TCP; with as many `mqttServers` as servers, in their order. */
  readonly mqttListen?: string;
  readonly mqttServers?: readonly string[];
  /** Absolute paths. HAProxy wants certificate and key in one file, nginx in two. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** Where the balancer's own figures are read: `ADDR:PORT`, or with HAProxy the absolute path of a socket. */
  readonly stats?: string;
  /** Clients that a server takes. Default: what one process takes. */
  readonly connections?: number;
  /** The servers demand a token although they listen on loopback. */
  readonly tokens?: boolean;
  /** To be run by hand, by any user, with its own files in the current folder. */
  readonly unprivileged?: boolean;
}

/** What the timeouts and limits of a balancer follow from. */
export interface CloudTimes {
  readonly keepaliveMs: number;
  readonly headersTimeoutMs: number;
  readonly canaryTimeoutMs: number;
  readonly connections: number;
  readonly httpConnections: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Topology {
  readonly listen: Address;
  readonly servers: readonly Address[];
  readonly mqtt: { readonly listen: Address; readonly servers: readonly Address[] } | undefined;
  readonly tls: { readonly cert: string; readonly key: string | undefined } | undefined;
  readonly stats: Address | string | undefined;
  /** Other machines reach the balancer. */
  readonly isExposed: boolean;
  /** Some of the servers listen on loopback, where a cloud demands no token unless it is told to. */
  readonly hasLoopbackServers: boolean;
  readonly unprivileged: boolean;
  readonly times: CloudTimes;
}

const mostServers = 64;

/** Throws an `EarlError` with code `USAGE`. */
export function planTopology(wishes: BalancerWishes, times: CloudTimes): Topology {
  const servers = wishes.servers.map((text) => addressOf(text, '--server'));
  if (servers.length === 0) throw usage('name the servers: --server HOST:PORT, once for each');
  if (servers.length > mostServers) throw usage(`at most ${mostServers} servers`);
  mustDiffer(servers, '--server');
  const listen = listenAddressOf(wishes.listen ?? '127.0.0.1:8000', '127.0.0.1', '--listen');
  const mqtt = mqttOf(wishes, servers, listen.host);
  const stats = wishes.stats === undefined ? undefined : statsOf(wishes.stats);
  const bound = [listen, ...(mqtt ? [mqtt.listen] : []), ...(typeof stats === 'object' ? [stats] : [])];
  mustDiffer(bound, 'the addresses to listen on');
  const all = [...servers, ...(mqtt?.servers ?? [])];
  const own = bound.find((address) => all.some((server) => written(server) === written(address)));
  if (own) throw usage(`${written(own)} cannot be both the balancer's and a server's: choose another port for one`);
  const isExposed = [listen, ...(mqtt ? [mqtt.listen] : [])].some(({ host }) => !isLoopbackHost(host));
  const hasLoopbackServers = all.some(({ host }) => isLoopbackHost(host));
  if (isExposed && hasLoopbackServers && wishes.tokens !== true) {
    throw usage(
      'other machines would reach a cloud that listens on loopback, where it demands no token unless told to: start ' +
        'every server with --token or --keys (the same ones) and say --tokens here, or listen on 127.0.0.1',
    );
  }
  return {
    ...{ listen, servers, mqtt, stats, isExposed, hasLoopbackServers },
    times: { ...times, connections: connectionsOf(wishes.connections ?? times.connections) },
    tls: tlsOf(wishes),
    unprivileged: wishes.unprivileged === true,
  };
}

/** `HOST:PORT` as both programs write it. */
export function written({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function mqttOf({ mqttListen, mqttServers = [] }: BalancerWishes, servers: readonly Address[], host: string) {
  if (mqttListen === undefined) {
    if (mqttServers.length > 0) throw usage('--mqtt-server needs --mqtt-listen [ADDR:]PORT');
    return undefined;
  }
  if (mqttServers.length !== servers.length) {
    throw usage(
      `--mqtt-listen needs one --mqtt-server HOST:PORT for each of the ${servers.length} servers, in their order`,
    );
  }
  const own = mqttServers.map((text) => addressOf(text, '--mqtt-server'));
  mustDiffer(own, '--mqtt-server');
  return { listen: listenAddressOf(mqttListen, host, '--mqtt-listen'), servers: own };
}

function connectionsOf(most: number): number {
  if (Number.isInteger(most) && most >= 1 && most <= 1_000_000) return most;
  throw usage('--connections: a whole number from 1 to 1000000');
}

function tlsOf({ tlsCert, tlsKey }: BalancerWishes): Topology['tls'] {
  if (tlsCert === undefined) {
    if (tlsKey !== undefined) throw usage('--tls-key needs --tls-cert');
    return undefined;
  }
  const key = tlsKey === undefined ? undefined : pathOf(tlsKey, '--tls-key');
  return { cert: pathOf(tlsCert, '--tls-cert'), key };
}

function statsOf(text: string): Address | string {
  return text.startsWith('/') ? pathOf(text, '--stats') : listenAddressOf(text, '127.0.0.1', '--stats');
}

function listenAddressOf(text: string, host: string, option: string): Address {
  const { host: named, port } = addressOf(
    /^\d+$/.test(text) ? `${host.includes(':') ? `[${host}]` : host}:${text}` : text,
    option,
  );
  return { host: named === '*' ? '0.0.0.0' : named, port };
}

function addressOf(text: string, option: string): Address {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\*)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[4]);
  if (match === null || port < 1 || port > 65_535) {
    throw usage(`${option}: ${JSON.stringify(text)} is not HOST:PORT (or [IPV6]:PORT), with a port from 1 to 65535`);
  }
  const host = (match[1] ?? match[2]!).toLowerCase();
  if (host === '*' && !option.endsWith('listen')) throw usage(`${option}: name the host instead of *`);
  return { host, port };
}

function pathOf(text: string, option: string): string {
  if (/^\/[\w./@+-]+$/.test(text)) return text;
  throw usage(
    `${option}: ${JSON.stringify(text)} has characters that a configuration would misread: use letters, digits and . _ @ + -`,
  );
}

function mustDiffer(addresses: readonly Address[], what: string): void {
  const seen = new Set<string>();
  for (const address of addresses) {
    if (seen.has(written(address))) throw usage(`${what}: ${written(address)} comes twice`);
    seen.add(written(address));
  }
}

function usage(problem: string): EarlError {
  return new EarlError('USAGE', problem);
}
