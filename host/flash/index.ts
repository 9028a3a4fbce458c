/** Flashing: the only door to this folder. */

export { Backup, defaultStateFolder, isCalibrated, readInfoFile, type Unfinished } from './backup.ts';
export { BslClient, type BslVersion, type BslWiring } from './bsl.ts';
export { type BslFlashOptions, bslRunner } from './bsl-flash.ts';
export { emulatedRunner, programByDebugDoor } from './emulated.ts';
export { type IdentityChoice, identityFor } from './identity.ts';
export { type FlashLine, openFlashLine } from './line.ts';
export { mspdebugRunner } from './mspdebug.ts';
export { type FlashPlan, makePlan, type PlanOptions, recordIn, vectorBlock } from './plan.ts';
export type { FlashListener, FlashResult, FlashRunner, FlashStage } from './runner.ts';
