/** Two servers on one broker, in the moments that tests from outside cannot hold. */
import { describe, expect, it } from 'vitest';
import { LocalBroker, publishJson } from '../broker/index.ts';
import { MqttClients } from './mqtt-clients.ts';
import { decodeRecord, encodeRecord, type MqttRecord, type MqttState, nothingKept } from './mqtt-record.ts';

const limits = { mqttSessions: 100, mqttSessionMs: 60_000, mqttRecordMs: 60_000, mqttTakeOverMs: 50 };
const stateAt = (offset: number): MqttState => ({ ...nothingKept, since: { epoch: 'e', offset } });

/** A connection as MqttClients sees it. */
class Connection {
  state: MqttState;
  isOver = false;
  readonly #clients: MqttClients;

  constructor(clients: MqttClients, offset = 0) {
    this.#clients = clients;
    this.state = stateAt(offset);
  }

  enter(isKept = true) {
    return this.#clients.enter('client', this, isKept);
  }

  takeOver(): void {
    this.isOver = true;
    this.leave();
  }

  keepsake(): MqttState {
    return this.state;
  }

  leave(state: MqttState | undefined = this.state): void {
    this.#clients.leave('client', this, state);
  }
}

/** Two servers, and the records of the one client as they are written. */
async function startTwo() {
  const broker = new LocalBroker();
  const written: { topic: string; record: MqttRecord | undefined }[] = [];
  await broker.subscribe('$mqtt/session/#', ({ topic, data }) => written.push({ topic, record: decodeRecord(data) }));
  const servers = [new MqttClients(broker, limits, 'one'), new MqttClients(broker, limits, 'two')] as const;
  const last = () => written.at(-1)!.record;
  const write = (record: Parameters<typeof publishJson>[2]) =>
    publishJson(broker, written.at(-1)!.topic, record, { retain: true });
  return { broker, servers, written, last, write };
}

it('of two that enter at once, one stays', async () => {
  const { servers, last } = await startTwo();
  const both = servers.map((clients) => new Connection(clients));
  await Promise.all(both.map((connection) => connection.enter()));
  expect(both.map(({ isOver }) => isOver)).toEqual([true, false]);
  expect(last()?.holder).toBe('two-1');
});

it('a session goes from hand to hand with its last state', async () => {
  const { servers, last } = await startTwo();
  const first = new Connection(servers[0], 7);
  expect(await first.enter()).toBeUndefined();
  const second = new Connection(servers[1]);
  expect(await second.enter()).toEqual({ state: stateAt(7), isUnclear: false });
  expect(first.isOver).toBe(true);
  second.state = stateAt(9);
  second.leave();
  expect(last()).toMatchObject({ state: stateAt(9), holder: undefined });
});

it('of a holder that does not let go the record holds, as unclear', async () => {
  const { broker, servers } = await startTwo();
  const lost = new Connection(servers[0], 7);
  await lost.enter();
  await servers[0].save('client', lost);
  const dead = new MqttClients(broker, limits, 'three');
  lost.leave = () => {};
  expect(await new Connection(dead).enter()).toEqual({ state: stateAt(7), isUnclear: true });
});

describe('a connection that holds a session', () => {
  it('says so again when another lets go too late', async () => {
    const { servers, last, write } = await startTwo();
    const connection = new Connection(servers[0], 5);
    await connection.enter();
    await write(encodeRecord(stateAt(1), undefined, Date.now()));
    expect(last()).toMatchObject({ state: stateAt(5), holder: 'one-1' });
    expect(connection.isOver).toBe(false);
  });

  it('gives way without a word to one whose claim it did not hear', async () => {
    const { servers, last, write } = await startTwo();
    const connection = new Connection(servers[0], 5);
    await connection.enter();
    await write(encodeRecord(stateAt(6), 'elsewhere-4', Date.now()));
    expect(connection.isOver).toBe(true);
    expect(last()).toMatchObject({ state: stateAt(6), holder: 'elsewhere-4' });
  });

  it('is not disturbed by what is no record', async () => {
    const { servers, last, write } = await startTwo();
    const connection = new Connection(servers[0], 5);
    await connection.enter();
    await write({ filters: 'of another version' });
    expect(last()).toMatchObject({ state: stateAt(5), holder: 'one-1' });
  });
});

it('who leaves while entering leaves the session as it was', async () => {
  const { servers, last } = await startTwo();
  const first = new Connection(servers[0], 7);
  await first.enter();
  first.leave();
  const second = new Connection(servers[1]);
  const entering = second.enter();
  servers[1].leave('client', second, undefined);
  expect(await entering).toBeUndefined();
  expect(last()).toMatchObject({ state: stateAt(7), holder: undefined });
});

it('what is received with QoS 2 is written down when the broker has answered', async () => {
  const { servers, last } = await startTwo();
  const connection = new Connection(servers[0]);
  await connection.enter();
  const received = new Map<number, Promise<void> | undefined>();
  let accept = () => {};
  const accepting = new Promise<void>((resolve) => {
    accept = resolve;
  }).then(() => void received.set(7, undefined));
  received.set(7, accepting);
  connection.leave({ ...nothingKept, received });
  expect(last()?.holder).toBe('one-1');
  accept();
  await servers[0].stop();
  expect(last()).toMatchObject({ holder: undefined, state: { received: new Map([[7, undefined]]) } });
});

it('a clean session forgets what was kept', async () => {
  const { servers, last } = await startTwo();
  const kept = new Connection(servers[0], 7);
  await kept.enter();
  await new Connection(servers[1]).enter(false);
  expect(kept.isOver).toBe(true);
  expect(last()).toBeUndefined();
  expect([servers[0].kept, servers[1].kept]).toEqual([0, 0]);
});
