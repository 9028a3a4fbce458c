/**
 * THE definition of the link messages: what a probe and its host say to each other over a UART.
 *
 * Everything else is derived from these tables: the TypeScript types and codec (codec.ts), the C header
 * (firmware/link/messages.gen.h, written by tools/codegen), the golden vectors (test/vectors) and the SenML names and
 * units of what the gateway publishes. Change a message here, run `make codegen`, and both sides follow.
 *
 * Packet, before COBS and its 0x00 delimiter (docs/link-protocol.md):
 *
 *     byte 0      version << 6 | message type
 *     byte 1-2    sequence number, little-endian; one counter per direction
 *     byte 3..    payload, fields in table order, little-endian, no padding
 *     last two    CRC-16/CCITT-FALSE over everything before, little-endian
 *
 * In what a probe sends, every field of two or four bytes stands at an even offset, so that a probe's C struct is the
 * payload (firmware/link/link.c).
 *
 * A receiver accepts a payload longer than its table says and ignores the rest, so that a field may be appended without
 * a new version. A shorter one is malformed.
 */

/** Version of the packet layout; travels in the two top bits of every packet. */
export const PROTOCOL_VERSION = 1;

/** Longest payload in bytes; with header and CRC a packet is at most 37 bytes, 39 on the wire. */
export const MAX_PAYLOAD = 32;

/** What a field looks like on the wire. `bytes` has a fixed length; `data` takes the rest of the payload, 0..max bytes. */
export type FieldType = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'bytes' | 'data';

/** How a field of a sample becomes a SenML record (RFC 8428): value = field × scale, in unit `u`. */
export interface SenmlMapping {
  readonly n: string;
  /** A unit of the IANA SenML registry, or `count`. */
  readonly u: string;
  readonly scale: number;
}

export interface FieldDefinition {
  readonly name: string;
  readonly type: FieldType;
  /** Bytes of a `bytes` field, or the most bytes of a `data` field. */
  readonly length?: number;
  readonly doc: string;
  readonly senml?: SenmlMapping;
}

export interface MessageDefinition {
  readonly type: number;
  /** `up`: probe to host. `down`: host to probe. */
  readonly direction: 'up' | 'down';
  readonly doc: string;
  readonly fields: readonly FieldDefinition[];
}

/** Kinds of probes. */
export const probeKinds = { ball: 1, arm: 2, light: 3, led_test: 4 } as const;
export type ProbeKind = keyof typeof probeKinds;

/** Bits of `hello.capabilities`. */
export const capabilities = {
  leds: 0x0001,
  button: 0x0002,
  accelerometer: 0x0004,
  motor: 0x0008,
  illuminance: 0x0010,
  temperature: 0x0020,
  supply: 0x0040,
  registers: 0x0080,
  /** Set when a key was provisioned into info memory: the probe answers `authenticate`. */
  authenticates: 0x0100,
  /** Set when an id was provisioned into info memory; without it `hello.id` is all zeros. */
  provisioned: 0x8000,
} as const;
export type Capability = keyof typeof capabilities;

/** Why the probe last started, from IFG1 (SLAU144, "System Reset and Initialization") and the firmware's own marker. */
export const resetCauses = { power_on: 0, reset_pin: 1, watchdog: 2, software: 3, unknown: 255 } as const;
export type ResetCause = keyof typeof resetCauses;

/** `ack.status`: what became of a command. */
export const statuses = {
  ok: 0,
  unknown_command: 1,
  bad_argument: 2,
  unsupported: 3,
  i2c_nack: 4,
  i2c_timeout: 5,
  i2c_arbitration: 6,
  busy: 7,
  /** No hello_request came since the probe started, so it cannot know what it executed before: nothing was executed. */
  no_session: 8,
} as const;
export type Status = keyof typeof statuses;

/** `event.event`. */
export const events = { motion: 1, still: 2, button_pressed: 3, button_released: 4 } as const;
export type ProbeEvent = keyof typeof events;

/** `set_color.leds`: bits. */
export const leds = { lower: 1, upper: 2 } as const;

/** `set_color.effect`. `one_shot` runs one blink cycle and stays off. */
export const effects = { steady: 0, blink: 1, one_shot: 2 } as const;
export type Effect = keyof typeof effects;

/** `led_test.test`: the thesis' port test (each output on, then off) and count test (PWM0 counts through its levels). */
export const ledTests = { stop: 0, ports: 1, count: 2 } as const;
export type LedTest = keyof typeof ledTests;

const time = { name: 'timeMs', type: 'u32', doc: 'probe time, milliseconds since start; wraps' } as const;
const temperature = {
  name: 'temperature',
  type: 'i16',
  doc: 'chip temperature, 0.01 degrees Celsius',
  senml: { n: 'temp', u: 'Cel', scale: 0.01 },
} as const;
const supply = {
  name: 'supply',
  type: 'u16',
  doc: 'supply voltage, millivolts',
  senml: { n: 'supply', u: 'V', scale: 0.001 },
} as const;

export const messages = {
  hello: {
    type: 1,
    direction: 'up',
    doc: 'who the probe is: sent once after start and in answer to every hello_request',
    fields: [
      { name: 'kind', type: 'u8', doc: 'probeKinds' },
      { name: 'versionMajor', type: 'u8', doc: 'firmware version' },
      { name: 'versionMinor', type: 'u8', doc: 'firmware version' },
      { name: 'versionPatch', type: 'u8', doc: 'firmware version' },
      { name: 'id', type: 'bytes', length: 8, doc: 'id provisioned into info memory, big-endian; zeros if none' },
      { name: 'capabilities', type: 'u16', doc: 'bits of capabilities' },
      { name: 'boots', type: 'u16', doc: 'starts since power was applied, 1 for the first' },
      { name: 'intervalMs', type: 'u16', doc: 'time between samples' },
      { name: 'session', type: 'u16', doc: 'session of the hello_request that this answers; 0 after start' },
      { name: 'resetCause', type: 'u8', doc: 'resetCauses' },
    ],
  },
  ball_sample: {
    type: 2,
    direction: 'up',
    doc: 'sample of a ball',
    fields: [
      time,
      {
        name: 'presses',
        type: 'u16',
        doc: 'button presses since start',
        senml: { n: 'presses', u: 'count', scale: 1 },
      },
      { name: 'pressed', type: 'u8', doc: '1 while the button is held', senml: { n: 'button', u: '/', scale: 1 } },
    ],
  },
  arm_sample: {
    type: 3,
    direction: 'up',
    doc: 'sample of an arm band',
    fields: [
      time,
      {
        name: 'x',
        type: 'i16',
        doc: 'acceleration, thousandths of g',
        senml: { n: 'x', u: 'm/s2', scale: 0.00980665 },
      },
      {
        name: 'y',
        type: 'i16',
        doc: 'acceleration, thousandths of g',
        senml: { n: 'y', u: 'm/s2', scale: 0.00980665 },
      },
      {
        name: 'z',
        type: 'i16',
        doc: 'acceleration, thousandths of g',
        senml: { n: 'z', u: 'm/s2', scale: 0.00980665 },
      },
    ],
  },
  light_sample: {
    type: 4,
    direction: 'up',
    doc: 'sample of a light sensor',
    fields: [
      time,
      { name: 'illuminance', type: 'u16', doc: 'illuminance, lux', senml: { n: 'light', u: 'lx', scale: 1 } },
      temperature,
      supply,
    ],
  },
  event: {
    type: 5,
    direction: 'up',
    doc: 'something happened between two samples',
    fields: [
      time,
      { name: 'value', type: 'u16', doc: 'motion: peak deviation in thousandths of g; button: presses since start' },
      { name: 'event', type: 'u8', doc: 'events' },
    ],
  },
  led_state: {
    type: 6,
    direction: 'up',
    doc: 'the acknowledged TCA6507 registers, sent after hello and whenever they changed',
    fields: [time, { name: 'registers', type: 'bytes', length: 10, doc: 'registers 0x00 to 0x09' }],
  },
  ack: {
    type: 7,
    direction: 'up',
    doc: 'answer to a command; sent again, without executing, when the command is repeated',
    fields: [
      { name: 'commandSequence', type: 'u16', doc: 'sequence number of the command' },
      { name: 'status', type: 'u8', doc: 'statuses' },
      { name: 'data', type: 'data', length: 16, doc: 'what the command returns' },
    ],
  },
  counters: {
    type: 8,
    direction: 'up',
    doc: 'health of the probe since its last start, sent before the ack of get_counters',
    fields: [
      time,
      { name: 'awakeMs', type: 'u32', doc: 'time that the CPU was awake' },
      { name: 'rxBytes', type: 'u32', doc: 'bytes received' },
      { name: 'txBytes', type: 'u32', doc: 'bytes sent' },
      { name: 'crcErrors', type: 'u16', doc: 'frames with a wrong CRC' },
      { name: 'frameErrors', type: 'u16', doc: 'frames with bad COBS, length or version' },
      { name: 'overruns', type: 'u16', doc: 'bytes lost in the UART or in a full receive buffer' },
      { name: 'txDropped', type: 'u16', doc: 'frames not sent for lack of room' },
      { name: 'i2cErrors', type: 'u16', doc: 'failed I2C transfers' },
      { name: 'boots', type: 'u16', doc: 'starts since power was applied' },
      { name: 'stackHighWater', type: 'u16', doc: 'most bytes of stack used' },
      { name: 'resetCause', type: 'u8', doc: 'resetCauses' },
    ],
  },
  hello_request: {
    type: 32,
    direction: 'down',
    doc: 'asks for hello; not acknowledged. A new session makes the probe forget the last command it executed; until the first one after a start every command is answered with no_session and not executed',
    fields: [{ name: 'session', type: 'u16', doc: 'chosen at random by the host process, never 0' }],
  },
  ping: { type: 33, direction: 'down', doc: 'asks for an ack', fields: [] },
  get_counters: { type: 34, direction: 'down', doc: 'asks for counters', fields: [] },
  set_interval: {
    type: 35,
    direction: 'down',
    doc: 'sets the time between samples',
    fields: [{ name: 'intervalMs', type: 'u16', doc: '20 (50 Hz) to 10000 (0.1 Hz)' }],
  },
  set_color: {
    type: 36,
    direction: 'down',
    doc: 'colour of one or both RGB LEDs; ack data: the levels reached (r, g, b in 0..15), then the four time codes used',
    fields: [
      { name: 'leds', type: 'u8', doc: 'bits of leds' },
      { name: 'red', type: 'u8', doc: '0 to 255, rounded to 16 levels' },
      { name: 'green', type: 'u8', doc: '0 to 255' },
      { name: 'blue', type: 'u8', doc: '0 to 255' },
      { name: 'effect', type: 'u8', doc: 'effects' },
      { name: 'fadeOnMs', type: 'u16', doc: 'blink and one_shot: 0 to 16320, nearest time code' },
      { name: 'onMs', type: 'u16', doc: 'fully on' },
      { name: 'fadeOffMs', type: 'u16', doc: 'fade off' },
      { name: 'offMs', type: 'u16', doc: 'fully off, both pauses of a blink cycle' },
    ],
  },
  set_outputs: {
    type: 37,
    direction: 'down',
    doc: "the thesis' port values: the code of each TCA6507 output",
    fields: [{ name: 'codes', type: 'bytes', length: 7, doc: 'P0 to P6, 0 to 7 (SCPS164, select registers)' }],
  },
  set_brightness: {
    type: 38,
    direction: 'down',
    doc: 'intensity of a PWM source',
    fields: [
      { name: 'source', type: 'u8', doc: '0 PWM0, 1 PWM1, 2 master intensity' },
      { name: 'level', type: 'u8', doc: '0 to 15' },
    ],
  },
  step_brightness: {
    type: 39,
    direction: 'down',
    doc: "the thesis' increment and decrement of PWM0 and PWM1, stopping at 0 and 15; ack data: the new level",
    fields: [
      { name: 'source', type: 'u8', doc: '0 PWM0, 1 PWM1' },
      { name: 'step', type: 'i8', doc: 'levels, -15 to 15' },
    ],
  },
  led_test: {
    type: 40,
    direction: 'down',
    doc: 'starts or stops a test of the LED module',
    fields: [
      { name: 'test', type: 'u8', doc: 'ledTests' },
      { name: 'stepMs', type: 'u16', doc: 'time of a step, 20 to 10000' },
    ],
  },
  vibrate: {
    type: 41,
    direction: 'down',
    doc: 'runs the vibration motor',
    fields: [
      { name: 'duty', type: 'u8', doc: 'percent, 0 stops' },
      { name: 'durationMs', type: 'u16', doc: '0 to 10000' },
    ],
  },
  read_registers: {
    type: 42,
    direction: 'down',
    doc: 'reads registers of a device on the I2C bus; ack data: the values',
    fields: [
      { name: 'address', type: 'u8', doc: '7-bit address' },
      { name: 'register', type: 'u8', doc: 'command byte sent before the repeated START' },
      { name: 'count', type: 'u8', doc: '1 to 16' },
    ],
  },
  write_registers: {
    type: 43,
    direction: 'down',
    doc: 'writes registers of a device on the I2C bus',
    fields: [
      { name: 'address', type: 'u8', doc: '7-bit address' },
      { name: 'register', type: 'u8', doc: 'command byte' },
      { name: 'values', type: 'data', length: 16, doc: 'values' },
    ],
  },
  reset: { type: 44, direction: 'down', doc: 'restarts the probe after the ack has left', fields: [] },
  authenticate: {
    type: 45,
    direction: 'down',
    doc: "proves that the probe holds its key; ack data: SipHash-2-4 under the key of a byte 1, the nonce and the probe's id, 8 bytes; unsupported without a key",
    fields: [{ name: 'nonce', type: 'bytes', length: 8, doc: 'drawn at random by the host for this question alone' }],
  },
} as const satisfies Record<string, MessageDefinition>;

export type MessageName = keyof typeof messages;

type ValueOf<F extends FieldDefinition> = F['type'] extends 'bytes' | 'data' ? Uint8Array : number;
type ValuesOf<Fields extends readonly FieldDefinition[]> = { [F in Fields[number] as F['name']]: ValueOf<F> };

/** The value of one message: `{ name: 'ping' }`, `{ name: 'set_interval', intervalMs: 250 }` … */
export type MessageOf<N extends MessageName> = { name: N } & ValuesOf<(typeof messages)[N]['fields']>;

/** Any message, discriminated by `name`. */
export type Message = { [N in MessageName]: MessageOf<N> }[MessageName];

type NamesOf<D extends 'up' | 'down'> = {
  [N in MessageName]: (typeof messages)[N]['direction'] extends D ? N : never;
}[MessageName];

/** What a probe sends. */
export type UpMessage = { [N in NamesOf<'up'>]: MessageOf<N> }[NamesOf<'up'>];

/** What a host sends. Every one but `hello_request` is a command and is answered by an ack. */
export type DownMessage = { [N in NamesOf<'down'>]: MessageOf<N> }[NamesOf<'down'>];
export type Command = Exclude<DownMessage, { name: 'hello_request' }>;
