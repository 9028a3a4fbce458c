/**
 * A configuration for nginx 1.22 (Debian 12), to be its whole nginx.conf. Comments name the module whose page at
 * nginx.org explains the line.
 *
 * nginx without subscription has no active health checks: this file can only say so and make the most of passive ones.
 */

import { EarlError } from '../../errors/index.ts';
import { head } from './head.ts';
import { type Topology, written } from './topology.ts';

/** The whole file. Throws an `EarlError` with code `USAGE` for what nginx cannot do. */
export function nginxConfiguration(plan: Topology): string {
  const { tls, stats } = plan;
  if (tls && tls.key === undefined) throw new EarlError('USAGE', 'nginx needs --tls-key beside --tls-cert');
  if (typeof stats === 'string') {
    throw new EarlError('USAGE', 'nginx shows its figures by HTTP: --stats ADDR:PORT, such as 127.0.0.1:8404');
  }
  const sections = [
    [...head('nginx 1.22', 'nginx -t -c FILE', plan), ...passive],
    main(plan),
    ['http {', ...indent(http(plan)), '}'],
    ...(plan.mqtt ? [['stream {', ...indent(stream(plan)), '}']] : []),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

const passive = [
  '#',
  '# nginx without subscription never asks /health: it notices with each new client that a server refuses it, and passes',
  '# the client on. So it does with a server that drains or has ended. One whose machine does not answer at all costs each',
  '# new client the connect timeout; one whose canary fails but that still takes connections keeps getting clients.',
  '# HAProxy does ask.',
];

function main({ unprivileged, servers, times, mqtt }: Topology): string[] {
  const connections = servers.length * (times.connections + times.httpConnections);
  return [
    ...(unprivileged
      ? ['daemon off;', 'pid nginx.pid;', 'error_log stderr warn;']
      : ['user www-data;', 'pid /run/nginx.pid;', 'error_log /var/log/nginx/error.log warn;']),
    'worker_processes auto;',
    ...(mqtt ? ['# "stream" below is a module of its own: apt install libnginx-mod-stream.'] : []),
    ...(unprivileged ? [] : ['include /etc/nginx/modules-enabled/*.conf;']),
    ...(unprivileged && mqtt ? ['load_module /usr/lib/nginx/modules/ngx_stream_module.so;'] : []),
    '# After a reload the old workers keep their tunnels, for as long as this (core).',
    'worker_shutdown_timeout 30m;',
    ...(unprivileged
      ? []
      : ['# Two connections for each client (core).', `worker_rlimit_nofile ${2 * connections + 1_024};`]),
    'events {',
    `    worker_connections ${unprivileged ? 1_024 : 2 * connections};`,
    '}',
  ];
}

function http(plan: Topology): string[] {
  const { listen, servers, tls, times, stats, unprivileged } = plan;
  const log = unprivileged ? 'access.log' : '/var/log/nginx/access.log';
  return [
    '# $uri has no query string, which may hold a token; messages of error logs do have it, so that requests have none.',
    '# What went wrong with a server stands in the last two fields (log, core).',
    'log_format earl \'$remote_addr [$time_iso8601] $request_method "$uri" $status $bytes_sent $request_time $upstream_addr $upstream_status\';',
    `access_log ${log} earl;`,
    'error_log /dev/null crit;',
    ...(unprivileged ? temporaryFolders : []),
    'server_tokens off;',
    '# Slow senders of headers (http_core).',
    `client_header_timeout ${times.headersTimeoutMs}ms;`,
    'client_body_timeout 10s;',
    '# Nothing but GET and HEAD is understood.',
    'client_max_body_size 1k;',
    'large_client_header_buffers 4 16k;',
    'upstream earl {',
    '    # WebSockets stay for days: the server with the fewest gets the next one; counted by all workers (upstream).',
    '    zone earl 128k;',
    '    least_conn;',
    '    # nginx forgives a failure when a later request to the server has ended. WebSockets do not end: a server that has',
    '    # failed once would get one client per fail_timeout from then on. So failures do not count (upstream, max_fails).',
    ...servers.map((server) => `    server ${written(server)} max_fails=0;`),
    '    keepalive 8;',
    '}',
    '# Only an upgrade is passed on as one; else the connection to the server is kept for the next request (websocket).',
    'map $http_upgrade $earl_connection {',
    '    default upgrade;',
    "    ''      '';",
    '}',
    'server {',
    `    listen ${written(listen)}${tls ? ' ssl' : ''};`,
    ...(tls ? indent(certificate(tls)) : []),
    '    location / {',
    '        proxy_pass http://earl;',
    '        proxy_http_version 1.1;',
    '        proxy_set_header Upgrade $http_upgrade;',
    '        proxy_set_header Connection $earl_connection;',
    '        # With its port, as it came: the cloud compares Origin with it. $host would lose the port (http_core).',
    '        proxy_set_header Host $http_host;',
    "        # The client's address. A cloud without a token refuses foreign ones (see the head of this file).",
    '        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
    '        # Whom a server refuses, or dies under before it has answered, goes to another one at once. That is safe: an',
    '        # upgrade is a GET, and nothing has been said yet (proxy).',
    '        proxy_next_upstream error timeout http_503;',
    `        proxy_next_upstream_tries ${Math.max(3, servers.length)};`,
    '        proxy_next_upstream_timeout 10s;',
    '        proxy_connect_timeout 1s;',
    `        # The cloud pings every client each ${times.keepaliveMs} ms; a tunnel that is silent for three times as long is dead (proxy).`,
    `        proxy_read_timeout ${3 * times.keepaliveMs}ms;`,
    `        proxy_send_timeout ${3 * times.keepaliveMs}ms;`,
    '    }',
    '}',
    ...(typeof stats === 'object' ? figures(written(stats)) : []),
  ];
}

const temporaryFolders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path temp;`);

function figures(address: string): string[] {
  return [
    '# How many connections there are; nginx without subscription says nothing about single servers (stub_status).',
    'server {',
    `    listen ${address};`,
    '    location = /status {',
    '        stub_status;',
    '        access_log off;',
    '    }',
    '    location / {',
    '        return 404;',
    '    }',
    '}',
  ];
}

function stream({ mqtt, tls, unprivileged }: Topology): string[] {
  return [
    "log_format earl '$remote_addr [$time_iso8601] mqtt $status $bytes_sent $bytes_received $session_time $upstream_addr';",
    `access_log ${unprivileged ? 'access.log' : '/var/log/nginx/access.log'} earl;`,
    'upstream earl_mqtt {',
    '    zone earl_mqtt 128k;',
    '    least_conn;',
    '    # A server that drains listens for MQTT no more, so the next one is tried (stream_proxy, proxy_next_upstream).',
    // As above.
    ...mqtt!.servers.map((server) => `    server ${written(server)} max_fails=0;`),
    '}',
    'server {',
    `    listen ${written(mqtt!.listen)}${tls ? ' ssl' : ''} so_keepalive=60s:15s:4;`,
    ...(tls ? indent(certificate(tls)) : []),
    '    proxy_pass earl_mqtt;',
    '    proxy_connect_timeout 1s;',
    '    # Clients say how often they speak, up to every 18 hours, and the cloud ends those that do not; one that promised',
    '    # nothing is probed by the kernel (so_keepalive above).',
    '    proxy_timeout 24h;',
    '    proxy_socket_keepalive on;',
    '}',
  ];
}

function certificate({ cert, key }: NonNullable<Topology['tls']>): string[] {
  return [`ssl_certificate ${cert};`, `ssl_certificate_key ${key};`, 'ssl_protocols TLSv1.2 TLSv1.3;'];
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `    ${line}`);
}
