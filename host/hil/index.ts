/** Hardware in the loop: the only door to this folder, but for the cases in test/hil. */

export { chooseTargets, parseHardwareMap, type TargetSpec } from './hardware-map.ts';
export { countVerdicts, jsonReport, junitReport, tableReport } from './report.ts';
export { type HilOptions, runHil } from './run.ts';
export type { CaseResult, TargetResult, Verdict } from './verdict.ts';
export { decodeWireLog, readWireLog } from './wire-log.ts';
