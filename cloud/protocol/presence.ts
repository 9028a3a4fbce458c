/** Who is here: what a client says about itself, and what others hear of it. Messages of `earl.v1.json`, their parser. */

import * as field from './fields.ts';
import { FieldProblem, isObject, type JsonObject } from './fields.ts';
import { limits } from './limits.ts';
import { errorCodes, type Json } from './messages.ts';
import { isReserved, topicProblem } from './topics.ts';

/** Who a client says it is. Nothing of it is proven. */
export interface ClientDescription {
  name: string;
  /** `gateway`, `page`, `cli`, or whatever suits. */
  kind?: string;
  /** At most 1,024 characters of JSON. */
  info?: { [field: string]: Json };
}

/** A client that is here, as others see it. */
export interface PresentClient extends ClientDescription {
  /** The same for all connections of one publisher; of a client without one its session. */
  id: string;
  session: string;
  publisher?: string;
  /** Whose token it showed: the one thing here that is proven. */
  subject?: string;
  /** When its connection began, ISO 8601. */
  since: string;
  /** Of the places that it named and the probes that it serves those that the filter selects, 64 at most. */
  at: string[];
  /** How many more there are. */
  unlisted?: number;
}

/** What has changed among the clients that are followed. */
export interface PresenceChanges {
  joined: PresentClient[];
  /** With other places, another description, or after it has reconnected. */
  updated: PresentClient[];
  /** Their `id`. */
  left: string[];
}

function clientDescription(object: JsonObject): ClientDescription {
  const name = field.text(object, 'name', limits.clientNameLength);
  if (name.trim() === '') throw new FieldProblem('"name" of a client must not be empty');
  const kind = field.optionalText(object, 'kind', limits.clientKindLength);
  const info = clientInfo(object);
  return { name, ...(kind === undefined ? {} : { kind }), ...(info === undefined ? {} : { info }) };
}

export function optionalClient(object: JsonObject): ClientDescription | undefined {
  if (!Object.hasOwn(object, 'client')) return undefined;
  if (!isObject(object.client)) throw new FieldProblem('"client" must be an object with "name"');
  return clientDescription(object.client);
}

/** A short object of any content. */
export function clientInfo(object: JsonObject): { [field: string]: Json } | undefined {
  if (!Object.hasOwn(object, 'info')) return undefined;
  const info = field.json(object, 'info');
  if (!isObject(info)) throw new FieldProblem('"info" must be an object');
  if (JSON.stringify(info).length <= limits.clientInfoLength) return info;
  throw new FieldProblem(
    `"info" must not be longer than ${limits.clientInfoLength} characters of JSON`,
    errorCodes.tooLarge,
  );
}

/** Places are paths such as `home` or `home/0200000000000003`. */
export function placesOf(object: JsonObject): string[] {
  return [...new Set(field.paths(object, 'at', limits.places, placeProblem, errorCodes.badTopic))];
}

export function presentClients(object: JsonObject, name: string): PresentClient[] {
  return field.objects(object, name, limits.presentClients).map((client) => ({
    ...clientDescription(client),
    id: field.text(client, 'id', 128),
    session: field.text(client, 'session', 128),
    ...optional('publisher', field.optionalText(client, 'publisher', limits.publisherLength)),
    ...optional('subject', field.optionalText(client, 'subject', limits.publisherLength)),
    since: field.text(client, 'since', 64),
    at: field.paths(client, 'at', limits.listedPlaces, placeProblem, errorCodes.badTopic),
    ...optional('unlisted', field.optionalCounter(client, 'unlisted')),
  }));
}

export function presenceChanges(object: JsonObject): PresenceChanges {
  const left = object.left;
  if (!Array.isArray(left) || left.length > limits.presentClients || !left.every((id) => typeof id === 'string')) {
    throw new FieldProblem('"left" must be an array of strings');
  }
  return { joined: presentClients(object, 'joined'), updated: presentClients(object, 'updated'), left };
}

function placeProblem(place: string): string | undefined {
  const problem = isReserved(place) ? 'the topic must not begin with $' : topicProblem(place);
  return problem?.replace('the topic', 'the place');
}

function optional<Name extends string, Value>(name: Name, value: Value | undefined): { [N in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { [N in Name]?: Value };
}
