/**
 * Text to messages of `earl.v1.json`, every field checked; never throws.
 *
 * A field that a message does not have is ignored, so that a later version may add one. What comes out holds known
 * fields only. Rights (reserved topics, tokens) are the server's business, not the parser's.
 */

import * as field from './fields.ts';
import { type ErrorCode, FieldProblem, isObject, type JsonObject } from './fields.ts';
import { limits } from './limits.ts';
import { type ClientMessage, errorCodes, type Json, type ServerMessage, type WillMessage } from './messages.ts';
import { clientInfo, optionalClient, placesOf, presenceChanges, presentClients } from './presence.ts';
import { filterProblem, probeProblem, topicProblem } from './topics.ts';

/** A message, or what is wrong with it; `id` is the request's, when it could be read. */
export type Parsed<Message> =
  | { ok: true; message: Message }
  | { ok: false; code: ErrorCode; problem: string; id?: number };

/** Parses what a client sent. */
export function parseClientMessage(textOfMessage: string): Parsed<ClientMessage> {
  return parse(textOfMessage, clientMessage);
}

/** Parses what a server sent. */
export function parseServerMessage(textOfMessage: string): Parsed<ServerMessage> {
  return parse(textOfMessage, serverMessage);
}

function parse<Message>(source: string, read: (object: JsonObject) => Message): Parsed<Message> {
  let object: Json;
  try {
    object = JSON.parse(source) as Json;
  } catch {
    return { ok: false, code: errorCodes.badMessage, problem: 'the message is not JSON' };
  }
  if (!isObject(object)) return { ok: false, code: errorCodes.badMessage, problem: 'the message is not a JSON object' };
  try {
    return { ok: true, message: read(object) };
  } catch (error) {
    if (!(error instanceof FieldProblem)) throw error;
    const id = Object.hasOwn(object, 'id') ? object.id : undefined;
    const known = typeof id === 'number' && Number.isSafeInteger(id) && id >= 0 ? { id } : {};
    return { ok: false, code: error.code, problem: error.message, ...known };
  }
}

function clientMessage(object: JsonObject): ClientMessage {
  const op = field.text(object, 'op', 32);
  switch (op) {
    case 'hello':
      return {
        op,
        ...present('publisher', publisherName(object)),
        ...present('token', field.optionalText(object, 'token', limits.tokenLength)),
        ...present('client', optionalClient(object)),
      };
    case 'refresh':
      return { op, id: field.counter(object, 'id'), token: field.text(object, 'token', limits.tokenLength) };
    case 'subscribe':
      return {
        op,
        id: field.counter(object, 'id'),
        filters: filtersOf(object),
        ...present('since', field.optionalPosition(object, 'since')),
        ...present('maxDelayMs', field.optionalInteger(object, 'maxDelayMs', 0, limits.maxDelayMs)),
        ...present('latest', field.optionalFlag(object, 'latest')),
      };
    case 'unsubscribe':
      return { op, id: field.counter(object, 'id'), filters: filtersOf(object) };
    case 'publish':
      return publishMessage(object);
    case 'serve':
      return {
        op,
        id: field.counter(object, 'id'),
        probes: field.paths(object, 'probes', limits.servedProbes, probeProblem, errorCodes.badTopic),
      };
    case 'command':
      return {
        op,
        id: field.counter(object, 'id'),
        probe: field.path(object, 'probe', probeProblem, errorCodes.badTopic),
        command: field.command(object),
        ...present('timeoutMs', optionalTimeoutMs(object)),
      };
    case 'reply':
      return { op, call: field.text(object, 'call', 128), result: field.commandResult(object) };
    case 'will':
      return {
        op,
        id: field.counter(object, 'id'),
        messages: willMessages(object),
        ...present('add', field.optionalFlag(object, 'add')),
      };
    case 'here':
      return { op, id: field.counter(object, 'id'), at: placesOf(object), ...present('info', clientInfo(object)) };
    case 'presence':
      return {
        op,
        id: field.counter(object, 'id'),
        filter: field.path(object, 'filter', filterProblem, errorCodes.badFilter),
        ...present('follow', field.optionalFlag(object, 'follow')),
      };
    case 'bye':
      return { op };
    case 'ping':
      return { op, id: field.counter(object, 'id') };
    default:
      throw new FieldProblem(`"op" must not be ${JSON.stringify(op)}: no such message`);
  }
}

function willMessages(object: JsonObject): WillMessage[] {
  return field.objects(object, 'messages', limits.willMessages).map((message) => ({
    topic: field.path(message, 'topic', topicProblem, errorCodes.badTopic),
    data: field.json(message, 'data'),
    ...present('retain', field.optionalFlag(message, 'retain')),
  }));
}

function publishMessage(object: JsonObject): ClientMessage {
  const id = field.optionalCounter(object, 'id');
  const seq = field.optionalCounter(object, 'seq');
  if (seq !== undefined && id === undefined) throw new FieldProblem('"seq" needs an "id", to be acknowledged');
  return {
    op: 'publish',
    topic: field.path(object, 'topic', topicProblem, errorCodes.badTopic),
    data: field.json(object, 'data'),
    ...present('id', id),
    ...present('seq', seq),
    ...present('retain', field.optionalFlag(object, 'retain')),
  };
}

function serverMessage(object: JsonObject): ServerMessage {
  const op = field.text(object, 'op', 32);
  switch (op) {
    case 'welcome':
      return {
        op,
        server: field.text(object, 'server', 256),
        session: field.text(object, 'session', 128),
        maxMessageBytes: field.integer(object, 'maxMessageBytes', 1, Number.MAX_SAFE_INTEGER),
      };
    case 'expiring':
      return { op, inMs: field.counter(object, 'inMs') };
    case 'ok':
      return {
        op,
        id: field.counter(object, 'id'),
        ...present('position', field.optionalPosition(object, 'position')),
        ...present('recovered', field.optionalFlag(object, 'recovered')),
      };
    case 'pong':
      return { op, id: field.counter(object, 'id') };
    case 'error':
      return {
        op,
        ...present('id', field.optionalCounter(object, 'id')),
        code: field.counter(object, 'code'),
        message: field.text(object, 'message', 4096),
      };
    case 'message': {
      const retained = field.optionalFlag(object, 'retained');
      return {
        op,
        topic: field.path(object, 'topic', topicProblem, errorCodes.badTopic),
        offset: field.counter(object, 'offset'),
        data: field.json(object, 'data'),
        ...(retained ? { retained } : {}),
        ...(field.optionalText(object, 'encoding', 16) === 'base64' ? { encoding: 'base64' } : {}),
      };
    }
    case 'command':
      return {
        op,
        call: field.text(object, 'call', 128),
        probe: field.path(object, 'probe', probeProblem, errorCodes.badTopic),
        command: field.command(object),
        timeoutMs: optionalTimeoutMs(object) ?? limits.commandTimeoutMs.standard,
      };
    case 'presence':
      return {
        op,
        id: field.counter(object, 'id'),
        clients: presentClients(object, 'clients'),
        ...(field.optionalFlag(object, 'more') ? { more: true } : {}),
        ...truncated(object),
      };
    case 'changed':
      return {
        op,
        filter: field.path(object, 'filter', filterProblem, errorCodes.badFilter),
        ...presenceChanges(object),
        ...truncated(object),
      };
    case 'reply':
      return { op, id: field.counter(object, 'id'), result: field.commandResult(object) };
    default:
      throw new FieldProblem(`"op" must not be ${JSON.stringify(op)}: no such message`);
  }
}

/** `filter`, or `filters` in its place. */
function filtersOf(object: JsonObject): string[] {
  if (Object.hasOwn(object, 'filter')) return [field.path(object, 'filter', filterProblem, errorCodes.badFilter)];
  const filters = field.paths(object, 'filters', limits.filters, filterProblem, errorCodes.badFilter);
  if (filters.length === 0) throw new FieldProblem('"filters" must not be empty');
  return [...new Set(filters)];
}

function publisherName(object: JsonObject): string | undefined {
  const name = field.optionalText(object, 'publisher', limits.publisherLength);
  if (name === '') throw new FieldProblem('"publisher" must not be empty');
  if (name?.startsWith('$')) throw new FieldProblem('"publisher" must not begin with $');
  return name;
}

function optionalTimeoutMs(object: JsonObject): number | undefined {
  const { least, most } = limits.commandTimeoutMs;
  return field.optionalInteger(object, 'timeoutMs', least, most);
}

function truncated(object: JsonObject): { truncated?: true } {
  return field.optionalFlag(object, 'truncated') ? { truncated: true } : {};
}

/** An object with this one property, or without it: exactOptionalPropertyTypes has no room for undefined. */
function present<Name extends string, Value>(name: Name, value: Value | undefined): { [N in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { [N in Name]?: Value };
}
