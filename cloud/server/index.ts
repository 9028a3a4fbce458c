/** The cloud's front door: `startCloud`. */
export { type Cloud, startCloud } from './cloud.ts';
export { type CloudOptions, defaultServerLimits, type ServerLimits } from './options.ts';
export type { Action, Scopes } from './rights.ts';
export { actions } from './rights.ts';
export { signToken, type TokenWishes, tokenClaims, verifyToken } from './tokens-jwt.ts';
export { readKeys, type TokenAlgorithm, type TokenKey } from './tokens-keys.ts';
