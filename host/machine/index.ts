/** What is attached to this machine and what it is fit for: the only door to this folder. */

export {
  type Check,
  type CheckResult,
  isReady,
  type Purpose,
  purposes,
  runChecks,
  type State,
} from './check.ts';
export { checks } from './checks/index.ts';
export { type AttachedDevice, type Inventory, nextSteps, takeInventory } from './inventory.ts';
export { announceBoard, boardFolder, type RunningBoard, runningBoards } from './running-boards.ts';
export { realSystem, type System } from './system.ts';
export { knownUsbDevices } from './usb.ts';
