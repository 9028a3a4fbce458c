/** When a link reconnects, on a virtual clock with sockets that do what the test says. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Link } from './link.ts';
import type { SocketLike } from './socket.ts';

const sockets: FakeSocket[] = [];

class FakeSocket implements SocketLike {
  readyState = 1;
  bufferedAmount = 0;
  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onerror: SocketLike['onerror'] = null;
  onclose: SocketLike['onclose'] = null;
  readonly sent: string[] = [];

  constructor() {
    sockets.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.onclose?.({ code: 1000, reason: '' });
  }

  welcome(): void {
    this.onmessage?.({ data: '{"op":"welcome","server":"x","session":"x","maxMessageBytes":65536}' });
  }

  end(code = 1006): void {
    this.onclose?.({ code, reason: '' });
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  sockets.length = 0;
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function startLink(onDown: (reason: string, final?: string) => void = () => {}, renewsToken = false): Link {
  const link = new Link(
    {
      url: 'ws://127.0.0.1:1',
      Socket: FakeSocket,
      subprotocols: ['earl.v1', 'earl.v1.json'],
      hello: async () => ({ op: 'hello' }),
      renewsToken,
      backoffMs: { first: 250, longest: 5000 },
      keepaliveMs: 15_000,
      pongMs: 8_000,
    },
    {
      onUp: () => {},
      onDown,
      onMessage: () => {},
      onBinary: () => {},
      onSilence: () => {},
      onTokenRefused: () => {},
    },
  );
  link.start();
  return link;
}

/** Ends the newest socket and returns how long it takes until the next one is opened. */
function delayAfterEnd(code?: number): number {
  const count = sockets.length;
  const endedAt = Date.now();
  sockets.at(-1)!.end(code);
  while (sockets.length === count) vi.advanceTimersToNextTimer();
  return Date.now() - endedAt;
}

it('draws each delay below a bound that doubles from the first to the longest', () => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(1);
  startLink();
  const bounds = Array.from({ length: 7 }, () => delayAfterEnd());
  expect(bounds).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000]);
  random.mockReturnValue(0.5);
  expect(delayAfterEnd()).toBe(2500);
  random.mockReturnValue(0);
  expect(delayAfterEnd()).toBe(0);
});

it('starts anew only after a connection that has lasted', () => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  startLink();
  expect([delayAfterEnd(), delayAfterEnd(), delayAfterEnd()]).toEqual([250, 500, 1000]);
  sockets.at(-1)!.welcome();
  vi.advanceTimersByTime(4999);
  expect(delayAfterEnd(4100)).toBe(2000);
  sockets.at(-1)!.welcome();
  vi.advanceTimersByTime(5000);
  expect(delayAfterEnd(4100)).toBe(250);
});

it('comes back within the first bound when the cloud shuts down, but not to one that does so at once', () => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  startLink();
  expect([delayAfterEnd(), delayAfterEnd(), delayAfterEnd()]).toEqual([250, 500, 1000]);
  sockets.at(-1)!.welcome();
  vi.advanceTimersByTime(1000);
  expect(delayAfterEnd(4101)).toBe(250);
  sockets.at(-1)!.welcome();
  expect(delayAfterEnd(4101)).toBe(500);
  sockets.at(-1)!.welcome();
  expect(delayAfterEnd(4101)).toBe(1000);
});

it('does not come back after a close code that forbids it, or after stop', async () => {
  for (const code of [4000, 4001, 4099]) {
    const downs: unknown[] = [];
    startLink((_, final) => downs.push(final));
    sockets.at(-1)!.end(code);
    expect(downs).toEqual([code === 4001 ? 'unauthorized' : 'refused']);
    expect(vi.getTimerCount()).toBe(0);
  }
  const link = startLink();
  sockets.at(-1)!.end();
  expect(vi.getTimerCount()).toBeGreaterThan(0);
  await link.stop('closed');
  expect(vi.getTimerCount()).toBe(0);
});

it('connects at once when the computer wakes up', () => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  startLink();
  for (let attempts = 0; attempts < 6; attempts++) delayAfterEnd();
  sockets.at(-1)!.end();
  const count = sockets.length;
  vi.advanceTimersByTime(1500);
  expect(sockets).toHaveLength(count);
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(2000);
  expect(sockets).toHaveLength(count + 1);
});

it('goes on after a token was refused only where there may be another', () => {
  for (const code of [4001, 4002]) {
    const downs: unknown[] = [];
    startLink((_, final) => downs.push(final), true);
    sockets.at(-1)!.end(code);
    expect(downs).toEqual([undefined]);
  }
});

it('gives up a connection that is never welcomed', () => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  const downs: string[] = [];
  startLink((reason) => downs.push(reason));
  vi.advanceTimersByTime(16_000);
  expect(downs).toEqual(['the server does not answer']);
  vi.advanceTimersByTime(250);
  expect(sockets).toHaveLength(2);
});
