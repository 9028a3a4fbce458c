/** The cloud's front door: `startCloud`. */
export { type Cloud, startCloud } from './cloud.ts';
export { type CloudOptions, defaultServerLimits, type ServerLimits } from './options.ts';
