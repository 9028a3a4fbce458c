/** What both configurations begin with: what stands where, and what must be true of the servers. */

import { type Topology, written } from './topology.ts';

/** Comment lines. */
export function head(program: string, test: string, plan: Topology): string[] {
  const { servers, listen, mqtt, tls } = plan;
  const lines = [
    `${program} in front of ${servers.length} Earl ${servers.length === 1 ? 'server' : 'servers'}, written by \`earl balancer\`; docs/scaling.md, "Several servers".`,
    `Check it with: ${test}`,
    '',
    `clients -> ${tls ? 'https and wss' : 'http and ws'} ${written(listen)} -> ${servers.map(written).join(', ')}`,
    ...(mqtt
      ? [`        -> mqtt ${written(mqtt.listen)}${tls ? ' by TLS' : ''} -> ${mqtt.servers.map(written).join(', ')}`]
      : []),
    '',
    'All servers are one cloud only with the same --backplane, and take the same tokens only with the same --token or',
    '--keys: without either, each server that is not on loopback makes up a token of its own.',
    ...(plan.hasLoopbackServers ? loopbackWarning : []),
    'Between balancer and servers nothing is encrypted: keep that network to yourself.',
    ...(plan.isExposed && !tls
      ? ['Neither is it between clients and balancer: tokens cross the network in clear text. See --tls-cert.']
      : []),
  ];
  return lines.map((line) => `# ${line}`.trimEnd());
}

const loopbackWarning = [
  '',
  'WARNING: servers that listen on loopback demand NO TOKEN unless they are started with --token or --keys. Whoever',
  'reaches this balancer then reaches everything. A server without a token refuses requests that X-Forwarded-For shows',
  'to come from another machine, but MQTT by TCP has no such header. Give every server the same --token or --keys.',
  '',
];
