/** Reading one JSON object field by field; the first wrong field throws a `FieldProblem` that names it. */

import { limits } from './limits.ts';
import { type CommandObject, type CommandResult, errorCodes, type Json, type Position } from './messages.ts';

export type ErrorCode = (typeof errorCodes)[keyof typeof errorCodes];
export type JsonObject = { [key: string]: Json };

/** A field that is missing or wrong; parse.ts turns it into a result, the session into an answer. */
export class FieldProblem extends Error {
  readonly code: ErrorCode;

  constructor(message: string, code: ErrorCode = errorCodes.badMessage) {
    super(message);
    this.code = code;
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `Object.hasOwn`, so that `{"op":"publish"}` has no `constructor` field. */
function fieldOf(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

export function text(object: JsonObject, name: string, most: number): string {
  const value = fieldOf(object, name);
  if (typeof value !== 'string') throw new FieldProblem(`"${name}" must be a string`);
  if (value.length > most) throw new FieldProblem(`"${name}" must not be longer than ${most} characters`);
  return value;
}

export function optionalText(object: JsonObject, name: string, most: number): string | undefined {
  return fieldOf(object, name) === undefined ? undefined : text(object, name, most);
}

/** A string that `problemOf` accepts, such as a topic. */
export function path(
  object: JsonObject,
  name: string,
  problemOf: (path: string) => string | undefined,
  code: ErrorCode,
): string {
  const value = fieldOf(object, name);
  if (typeof value !== 'string') throw new FieldProblem(`"${name}" must be a string`);
  const problem = problemOf(value);
  if (problem !== undefined) throw new FieldProblem(problem, code);
  return value;
}

export function integer(object: JsonObject, name: string, least: number, most: number): number {
  const value = fieldOf(object, name);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
    throw new FieldProblem(`"${name}" must be a whole number from ${least} to ${most}`);
  }
  // JSON has a -0, which JavaScript would write again as 0.
  return value + 0;
}

export function optionalInteger(object: JsonObject, name: string, least: number, most: number): number | undefined {
  return fieldOf(object, name) === undefined ? undefined : integer(object, name, least, most);
}

/** Request ids and sequence numbers: 0 to 2^53 - 1. */
export function counter(object: JsonObject, name: string): number {
  return integer(object, name, 0, Number.MAX_SAFE_INTEGER);
}

export function optionalCounter(object: JsonObject, name: string): number | undefined {
  return fieldOf(object, name) === undefined ? undefined : counter(object, name);
}

export function optionalFlag(object: JsonObject, name: string): boolean | undefined {
  const value = fieldOf(object, name);
  if (value !== undefined && typeof value !== 'boolean') throw new FieldProblem(`"${name}" must be true or false`);
  return value;
}

/** Any JSON value, but present and not too deep to be written again. */
export function json(object: JsonObject, name: string): Json {
  const value = fieldOf(object, name);
  const problem = jsonProblem(name, value);
  if (problem !== undefined) throw new FieldProblem(problem);
  return value as Json;
}

/** Why the value of a field cannot be passed on, or undefined when it can. */
export function jsonProblem(name: string, value: Json | undefined): string | undefined {
  if (value === undefined) return `"${name}" is missing`;
  if (!isDeeperThan(value, limits.jsonDepth)) return undefined;
  return `"${name}" must not be nested deeper than ${limits.jsonDepth} levels`;
}

export function optionalPosition(object: JsonObject, name: string): Position | undefined {
  const value = fieldOf(object, name);
  if (value === undefined) return undefined;
  if (!isObject(value)) throw new FieldProblem(`"${name}" must be an object with "epoch" and "offset"`);
  return { epoch: text(value, 'epoch', limits.epochLength), offset: counter(value, 'offset') };
}

export function command(object: JsonObject): CommandObject {
  const value = json(object, 'command');
  if (!isObject(value)) throw new FieldProblem('"command" must be an object');
  return { ...value, name: text(value, 'name', 64) };
}

export function commandResult(object: JsonObject): CommandResult {
  const value = fieldOf(object, 'result');
  if (!isObject(value)) throw new FieldProblem('"result" must be an object');
  const data = fieldOf(value, 'data');
  if (!Array.isArray(data) || data.length > limits.resultData || !data.every((item) => typeof item === 'number')) {
    throw new FieldProblem(`"result.data" must be an array of at most ${limits.resultData} numbers`);
  }
  const result: CommandResult = { status: text(value, 'status', 64), data: data as number[] };
  const linkMs = fieldOf(value, 'linkMs');
  if (linkMs !== undefined) {
    if (typeof linkMs !== 'number' || linkMs < 0) throw new FieldProblem('"result.linkMs" must be a number from 0');
    result.linkMs = linkMs;
  }
  const message = optionalText(value, 'message', 4096);
  if (message !== undefined) result.message = message;
  return result;
}

/** An array of at most `most` strings that `problemOf` accepts. */
export function paths(
  object: JsonObject,
  name: string,
  most: number,
  problemOf: (path: string) => string | undefined,
  code: ErrorCode,
): string[] {
  const value = fieldOf(object, name);
  if (!Array.isArray(value)) throw new FieldProblem(`"${name}" must be an array`);
  if (value.length > most)
    throw new FieldProblem(`"${name}" must not have more than ${most} entries`, errorCodes.tooMany);
  return value.map((item) => {
    if (typeof item !== 'string') throw new FieldProblem(`"${name}" must hold strings only`);
    const problem = problemOf(item);
    if (problem !== undefined) throw new FieldProblem(problem, code);
    return item;
  });
}

/** An array of at most `most` objects. */
export function objects(object: JsonObject, name: string, most: number): JsonObject[] {
  const value = fieldOf(object, name);
  if (!Array.isArray(value)) throw new FieldProblem(`"${name}" must be an array`);
  if (value.length > most)
    throw new FieldProblem(`"${name}" must not have more than ${most} entries`, errorCodes.tooMany);
  return value.map((item) => {
    if (!isObject(item)) throw new FieldProblem(`"${name}" must hold objects only`);
    return item;
  });
}

function isDeeperThan(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  const items = Array.isArray(value) ? value : Object.values(value);
  return items.some((item) => isDeeperThan(item, levels - 1));
}
