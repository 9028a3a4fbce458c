/** The protocol between clients and cloud: messages, their parser, topics and limits. Runs anywhere. */
export * from './binary.ts';
export { type ErrorCode, FieldProblem, jsonProblem } from './fields.ts';
export { limits } from './limits.ts';
export * from './messages.ts';
export { type Parsed, parseClientMessage, parseServerMessage } from './parse.ts';
export type { ClientDescription, PresenceChanges, PresentClient } from './presence.ts';
export { filterProblem, isReserved, isWildcard, matches, probeProblem, topicProblem } from './topics.ts';
