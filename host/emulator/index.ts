/** The emulator: the only door to this folder. */

export { EarlError } from '../../errors/index.ts';
export { Board, type BoardLights, type BoardOptions, ledNames, ledOutputs } from './board.ts';
export { type BoardInput, type InputAction, readInput } from './board-input.ts';
export { type AdapterParity, BslAdapter, type BslAdapterOptions } from './bsl-adapter.ts';
export type { Adxl345 } from './devices/adxl345.ts';
export type { DeviceContext, I2cDevice, TraceEvent, TraceSink } from './devices/device.ts';
export type { I2cBus, I2cTransaction } from './devices/i2c-bus.ts';
export type { Tca6507 } from './devices/tca6507.ts';
export {
  type BlinkCycle,
  bankIntensity,
  blinkCycle,
  cycleEnvelope,
  cycleLengthMs,
  outputCode,
  TCA6507_OUTPUTS,
  Tca6507Light,
  tca6507Defaults,
  tca6507Registers,
  tca6507TimesMs,
} from './devices/tca6507-light.ts';
export type { UartPeer } from './devices/uart-peer.ts';
export { type Energy, EnergyMeter, type EnergyShare } from './energy.ts';
export { type GdbHost, GdbSession } from './gdb.ts';
export { GdbTarget } from './gdb-target.ts';
export type { FunctionSymbol, Image, ImageFormat, ImageSegment } from './image/image.ts';
export { loadImage, makeImage } from './image/load.ts';
export { Mcu, type McuOptions, type McuWarning, type ResetKind } from './mcu.ts';
export type { ExecutionObserver } from './observer.ts';
export { type Paced, Pacer, type PacerOptions, type Timers } from './pacer.ts';
export type { Level, Pin } from './peripherals/pin.ts';
export { type HotSpot, type InterruptProfile, type Profile, type ProfileRow, Profiler } from './profile.ts';
export {
  eventJson,
  parseRecording,
  Recorder,
  type Recording,
  type RecordingHeader,
  recordedImage,
  recordedSegments,
  replay,
} from './record.ts';
export type { ScheduledEvent, Scheduler } from './scheduler.ts';
export { type TraceKind, type TraceName, Tracer, traceLine, traceNames } from './trace.ts';
export { VcdRecorder, VcdWriter } from './vcd.ts';
export { type Vector, World, type WorldOptions } from './world.ts';
