/**
 * A configuration for HAProxy 2.6 (Debian 12). Section numbers are those of its configuration manual, version 2.6.
 *
 * Left out: persistence of any kind, since every server delivers everything; the PROXY protocol, which Earl does not speak.
 */

import { EarlError } from '../../errors/index.ts';
import { head } from './head.ts';
import { type Topology, written } from './topology.ts';

const checkEveryMs = 1_000;

/** The whole file. Throws an `EarlError` with code `USAGE` for what HAProxy cannot do. */
export function haproxyConfiguration(plan: Topology): string {
  if (plan.tls?.key !== undefined) {
    throw new EarlError(
      'USAGE',
      'HAProxy reads certificate and key from one file: cat fullchain.pem privkey.pem > earl.pem, and --tls-cert earl.pem alone',
    );
  }
  const sections = [
    head('HAProxy 2.6', 'haproxy -c -f FILE', plan),
    globals(plan),
    defaults(plan),
    frontend(plan),
    backend(plan),
    ...(plan.mqtt ? [mqtt(plan)] : []),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function globals({ unprivileged, stats, servers, times }: Topology): string[] {
  const connections = servers.length * (times.connections + times.httpConnections);
  return [
    'global',
    ...(unprivileged
      ? ['    log stderr format raw local0']
      : [
          '    log /dev/log local0',
          '    # A user that may do nothing else (3.1).',
          '    user haproxy',
          '    group haproxy',
          '    # What all servers take together; each connection has two descriptors here, and HAProxy raises its limit (3.2).',
          `    maxconn ${connections}`,
        ]),
    ...(stats === undefined
      ? []
      : [
          '    # "show stat", "disable server earl/s1", … (management guide, 9.3): for whoever can open it.',
          `    stats socket ${typeof stats === 'string' ? `${stats} mode 660` : `ipv${stats.host.includes(':') ? 6 : 4}@${written(stats)}`} level admin`,
        ]),
    '    # After a reload the old process keeps its tunnels, for as long as this (3.1).',
    '    hard-stop-after 30m',
    '    ssl-default-bind-options ssl-min-ver TLSv1.2',
  ];
}

function defaults({ times: { headersTimeoutMs } }: Topology): string[] {
  return [
    'defaults',
    '    mode http',
    '    log global',
    '    option dontlognull',
    '    # No query string: it may hold a token. %HPO is the path alone (8.2.6).',
    '    log-format "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %ts %ac/%fc/%bc/%sc/%rc %HM %HPO"',
    '    # Slow senders of headers hold a connection for no longer (4.2).',
    `    timeout http-request ${headersTimeoutMs}ms`,
    '    timeout http-keep-alive 10s',
    '    timeout connect 3s',
    '    timeout queue 5s',
    '    # Until a connection is a tunnel; then "timeout tunnel" holds.',
    '    timeout client 30s',
    '    timeout server 30s',
    '    # For a peer that does not answer the end of a connection.',
    '    timeout client-fin 10s',
    '    timeout server-fin 10s',
  ];
}

function frontend({ listen, tls }: Topology): string[] {
  return [
    'frontend earl',
    ...(tls ? ['    # WebSockets are HTTP/1.1: each has a connection of its own.'] : []),
    `    bind ${written(listen)}${tlsOf(tls, ' alpn http/1.1')}`,
    '    default_backend earl',
  ];
}

function backend({ servers, times }: Topology): string[] {
  return [
    'backend earl',
    '    # WebSockets stay for days: the server with the fewest gets the next one (4.2).',
    '    balance leastconn',
    `    # The cloud pings every client each ${times.keepaliveMs} ms; a tunnel that is silent for three times as long is dead (4.2).`,
    `    timeout tunnel ${3 * times.keepaliveMs}ms`,
    '    # A server that is draining, full or broken says 503, to /health and to new clients: it gets no new ones, and',
    '    # those that it has stay, because "on-marked-down shutdown-sessions" is not set (5.2).',
    '    option httpchk',
    '    http-check send meth GET uri /health ver HTTP/1.1 hdr Host localhost',
    '    http-check expect status 200',
    '    # Longer than the server waits for its own canary.',
    `    timeout check ${times.canaryTimeoutMs + 1_000}ms`,
    `    default-server check inter ${checkEveryMs}ms fall 1 rise 2 maxconn ${times.connections + times.httpConnections} init-addr last,libc,none`,
    '    # Whom a server refuses, or dies under before it has answered, goes to another one at once. That is safe: an',
    '    # upgrade is a GET, and nothing has been said yet (4.2, "retry-on").',
    '    retry-on conn-failure empty-response response-timeout 503',
    '    http-request disable-l7-retry unless METH_GET',
    `    retries ${Math.max(3, servers.length)}`,
    '    option redispatch 1',
    "    # The client's address for the server. A cloud without a token refuses foreign ones (see the head of this file).",
    '    # Host stays as it came: the cloud compares Origin with it.',
    '    option forwardfor',
    ...servers.map((server, index) => `    server s${index + 1} ${written(server)}`),
  ];
}

function mqtt({ mqtt, tls, servers }: Topology): string[] {
  return [
    'listen earl-mqtt',
    `    bind ${written(mqtt!.listen)}${tlsOf(tls, '')}`,
    '    mode tcp',
    '    option tcplog',
    '    balance leastconn',
    '    # Clients say how often they speak, up to every 18 hours, and the cloud ends those that do not. One that promised',
    '    # nothing is probed by the kernel, and those that are gone are noticed here (4.2, "clitcpka").',
    '    timeout client 24h',
    '    timeout server 24h',
    '    option clitcpka',
    '    clitcpka-idle 60s',
    '    clitcpka-intvl 15s',
    '    clitcpka-cnt 4',
    `    retries ${Math.max(3, servers.length)}`,
    '    option redispatch 1',
    "    # In rotation as long as the same server's /health says 200: a listener that takes connections proves nothing (5.2).",
    ...mqtt!.servers.map((server, index) => `    server m${index + 1} ${written(server)} track earl/s${index + 1}`),
  ];
}

function tlsOf(tls: Topology['tls'], more: string): string {
  return tls ? ` ssl crt ${tls.cert}${more}` : '';
}
