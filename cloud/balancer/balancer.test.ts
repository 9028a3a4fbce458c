/** What is written down for HAProxy and nginx, and what is refused; the real programs judge it in test/cloud/balancer.test.ts. */
import { describe, expect, it } from 'vitest';
import { haproxyConfiguration, nginxConfiguration, planTopology } from './index.ts';
import type { BalancerWishes } from './topology.ts';

const times = {
  keepaliveMs: 20_000,
  headersTimeoutMs: 7_000,
  canaryTimeoutMs: 1_500,
  connections: 100,
  httpConnections: 10,
};
const two = ['10.0.0.5:8080', '10.0.0.6:8080'];
const plan = (wishes: Partial<BalancerWishes> = {}) => planTopology({ servers: two, ...wishes }, times);

describe('follows from the limits of the cloud', () => {
  it('with HAProxy', () => {
    const text = haproxyConfiguration(plan());
    expect(text).toContain('timeout tunnel 60000ms');
    expect(text).toContain('timeout http-request 7000ms');
    expect(text).toContain('timeout check 2500ms');
    expect(text).toMatch(/^ {4}maxconn 220$/m);
    expect(text).toContain('server s2 10.0.0.6:8080\n');
    expect(text).not.toMatch(/WARNING|mqtt|%r\b|%HU|%HQ/);
  });

  it('with nginx', () => {
    const text = nginxConfiguration(plan({ listen: '[::1]:8000' }));
    expect(text).toContain('proxy_read_timeout 60000ms;');
    expect(text).toContain('client_header_timeout 7000ms;');
    expect(text).toContain('listen [::1]:8000;');
    expect(text).toContain('never asks /health');
    expect(text).not.toMatch(/\$request |\$request_uri|\$args|stream \{/);
  });
});

it('takes as many clients as the servers say', () => {
  expect(haproxyConfiguration(plan({ connections: 20_000 }))).toMatch(/^ {4}maxconn 40020$/m);
  expect(nginxConfiguration(plan({ connections: 20_000 }))).toContain('worker_connections 80040;');
});

it('MQTT stands in rotation as the HTTP port of the same server', () => {
  const text = haproxyConfiguration(plan({ mqttListen: '1883', mqttServers: ['10.0.0.5:1884', '10.0.0.6:1885'] }));
  expect(text).toContain('bind 127.0.0.1:1883');
  expect(text).toContain('server m2 10.0.0.6:1885 track earl/s2');
});

it('warns in the file of servers that may demand no token', () => {
  const wishes = { servers: ['127.0.0.1:8081'], listen: '*:443', tokens: true };
  for (const write of [haproxyConfiguration, nginxConfiguration]) {
    expect(write(plan(wishes))).toContain('demand NO TOKEN');
    expect(write(plan(wishes))).toContain('clear text');
  }
});

it.each<[string, Partial<BalancerWishes>, RegExp]>([
  ['no server', { servers: [] }, /--server HOST:PORT/],
  ['a server without port', { servers: ['10.0.0.5'] }, /not HOST:PORT/],
  ['a URL', { servers: ['http://10.0.0.5:80'] }, /not HOST:PORT/],
  ['port 0', { servers: ['10.0.0.5:0'] }, /port from 1/],
  ['a port that is too large', { listen: '70000' }, /port from 1/],
  ['a word more', { servers: ['10.0.0.5:80 weight 9'] }, /not HOST:PORT/],
  ['another directive', { servers: ['10.0.0.5:80; return 200'] }, /not HOST:PORT/],
  ['a server twice', { servers: ['A.example:80', 'a.example:80'] }, /comes twice/],
  ['the balancer as its server', { servers: ['127.0.0.1:8000'] }, /cannot be both/],
  ['MQTT without servers', { mqttListen: '1883' }, /one --mqtt-server/],
  ['servers of MQTT without a port', { mqttServers: two }, /needs --mqtt-listen/],
  ['one port for two things', { mqttListen: '8000', mqttServers: two }, /comes twice/],
  ['no clients', { connections: 0 }, /from 1/],
  ['clients that are no number', { connections: Number.NaN }, /whole number/],
  ['a key alone', { tlsKey: '/a' }, /needs --tls-cert/],
  ['a path with spaces', { tlsCert: '/a b.pem' }, /misread/],
  ['loopback for everybody', { servers: ['localhost:8081'], listen: '0.0.0.0:80' }, /--tokens/],
  ['loopback for everybody by MQTT', { mqttListen: '*:1883', mqttServers: ['[::1]:1', '[::1]:2'] }, /--tokens/],
])('%s is refused', (_, wishes, problem) => {
  expect(() => plan(wishes)).toThrow(problem);
});

it('says what a program cannot do', () => {
  const tls = { tlsCert: '/etc/ssl/cert.pem', tlsKey: '/etc/ssl/key.pem' };
  expect(() => haproxyConfiguration(plan(tls))).toThrow(/one file: cat/);
  expect(() => nginxConfiguration(plan({ tlsCert: tls.tlsCert }))).toThrow(/--tls-key/);
  expect(() => nginxConfiguration(plan({ stats: '/run/x.sock' }))).toThrow(/ADDR:PORT/);
  expect(nginxConfiguration(plan({ ...tls, stats: '8404' }))).toContain('listen 127.0.0.1:8404;');
});
