/**
 * Wave forms of a board as a Value Change Dump (IEEE 1364-2005, clause 18), for GTKWave, sigrok and the like.
 *
 * Signals: every pin of the ports, the serial line and the I2C bus under their own names, whether the CPU sleeps and the
 * other bits of SR that choose the mode, LEDs and motor as real numbers 0..1. Times are in steps of 100 ns, shorter than the shortest pulse that a
 * program can make at 16 MHz; what changes twice within a step is seen once.
 */

import { type Board, ledNames } from './board.ts';

interface Variable {
  readonly id: string;
  readonly bits: number;
  readonly real: boolean;
  value: number;
  /** What was written last. */
  shown: number;
}

const STEP_S = 1e-7;
/** Printable characters that identifiers are made of. */
const FIRST_CODE = 33;
const CODES = 94;

/** Writes a dump of variables that are declared first. */
export class VcdWriter {
  private readonly write: (text: string) => void;
  private readonly variables: Variable[] = [];
  private declarations = '';
  private scopes: string[] = [];
  private comment = '';
  private step = 0;
  private changed = new Set<Variable>();
  private begun = false;

  constructor(write: (text: string) => void) {
    this.write = write;
  }

  /** Declares a variable in a scope like `board.i2c`; returns what sets it. A real variable has 0 bits. */
  declare(scope: string, name: string, bits: number, value: number): (value: number, seconds: number) => void {
    if (this.begun) throw new Error('declare before the first change');
    this.enter(scope.split('.'));
    const id = identifier(this.variables.length);
    const variable: Variable = { id, bits, real: bits === 0, value, shown: value };
    this.variables.push(variable);
    const type = variable.real ? 'real 64' : bits === 1 ? 'wire 1' : `reg ${bits}`;
    this.declarations += `$var ${type} ${id} ${name}${bits > 1 ? ` [${bits - 1}:0]` : ''} $end\n`;
    return (next, seconds) => this.set(variable, next, seconds);
  }

  /** No more declarations. The values at the beginning are those that stand when time has moved. */
  begin(comment: string): void {
    this.enter([]);
    this.begun = true;
    this.comment = comment.replace(/\$/g, 'S');
  }

  /** Ends the dump at a time. */
  end(seconds: number): void {
    this.advance(Math.max(1, Math.round(seconds / STEP_S)));
    this.flush();
    this.write(`#${this.step + 1}\n`);
  }

  private set(variable: Variable, value: number, seconds: number): void {
    this.advance(Math.round(seconds / STEP_S));
    variable.value = value;
    this.changed.add(variable);
  }

  /** What changed within a step is written when the step is over. */
  private advance(step: number): void {
    if (step <= this.step) return;
    this.flush();
    this.step = step;
  }

  private flush(): void {
    if (this.step <= 0) {
      this.writeHeader();
      return;
    }
    let text = '';
    for (const variable of this.changed) {
      if (variable.value === variable.shown) continue;
      variable.shown = variable.value;
      text += valueChange(variable);
    }
    this.changed.clear();
    if (text !== '') this.write(`#${this.step}\n${text}`);
  }

  private writeHeader(): void {
    for (const variable of this.variables) variable.shown = variable.value;
    this.changed.clear();
    this.write(
      `$version Earl emulator $end\n$comment ${this.comment} $end\n$timescale 100 ns $end\n` +
        `${this.declarations}$enddefinitions $end\n#0\n$dumpvars\n${this.variables.map(valueChange).join('')}$end\n`,
    );
  }

  private enter(path: readonly string[]): void {
    let common = 0;
    while (common < path.length && this.scopes[common] === path[common]) common++;
    this.declarations += '$upscope $end\n'.repeat(this.scopes.length - common);
    for (const name of path.slice(common)) this.declarations += `$scope module ${name} $end\n`;
    this.scopes = [...path];
  }
}

function identifier(index: number): string {
  const low = String.fromCharCode(FIRST_CODE + (index % CODES));
  return index < CODES ? low : low + identifier(Math.floor(index / CODES) - 1);
}

function valueChange({ id, bits, real, value }: Variable): string {
  if (real) return `r${value} ${id}\n`;
  return bits === 1 ? `${value}${id}\n` : `b${value.toString(2)} ${id}\n`;
}

/** Lines that have a name of their own on the board. */
const namedLines: readonly (readonly [scope: string, name: string, port: number, bit: number])[] = [
  ['board.uart', 'RXD', 1, 1],
  ['board.uart', 'TXD', 1, 2],
  ['board.i2c', 'SCL', 1, 6],
  ['board.i2c', 'SDA', 1, 7],
  ['board.parts', 'button', 1, 3],
  ['board.parts', 'INT1', 2, 0],
  ['board.parts', 'motor_pin', 2, 1],
  ['board.parts', 'EN', 2, 2],
];
/** Bits of SR, a wire each: sigrok reads no vectors. */
const modeBits: readonly (readonly [name: string, mask: number])[] = [
  ['asleep', 0x10],
  ['OSCOFF', 0x20],
  ['SCG0', 0x40],
  ['SCG1', 0x80],
];

/** Dumps what a board does until `stop`. Begin before the program is loaded. */
export class VcdRecorder {
  private readonly board: Board;
  private readonly writer: VcdWriter;
  private readonly detachers: (() => void)[] = [];
  private active = true;

  constructor(board: Board, write: (text: string) => void, comment = '') {
    this.board = board;
    this.writer = new VcdWriter(write);
    for (const [scope, name, port, bit] of namedLines) this.follow(scope, name, port, bit);
    for (const port of [1, 2, 3]) {
      for (let bit = 0; bit < 8; bit++) this.follow('board.pins', `P${port}_${bit}`, port, bit);
    }
    this.followCpu();
    this.followLights();
    this.writer.begin(comment);
  }

  stop(): void {
    this.active = false;
    for (const detach of this.detachers) detach();
    this.writer.end(this.board.seconds);
  }

  private follow(scope: string, name: string, port: number, bit: number): void {
    const pin = this.board.mcu.pin(port, bit);
    const set = this.writer.declare(scope, name, 1, pin.level);
    this.detachers.push(pin.onChange((level) => set(level, this.board.seconds)));
  }

  /** The bits of SR that choose the mode; a clock changes with each of them. */
  private followCpu(): void {
    const { mcu } = this.board;
    const level = (mask: number) => ((mcu.registers[2]! & mask) === 0 ? 0 : 1);
    const setters = modeBits.map(([name, mask]) => {
      const set = this.writer.declare('board.cpu', name, 1, level(mask));
      return () => set(level(mask), this.board.seconds);
    });
    const look = () => {
      if (this.active) for (const set of setters) set();
    };
    for (const clock of [mcu.clocks.mclk, mcu.clocks.smclk, mcu.clocks.aclk]) clock.onChange(look);
  }

  private followLights(): void {
    const setters = new Map<string, (value: number, seconds: number) => void>();
    for (const name of ledNames) setters.set(name, this.writer.declare('board.lights', name.replace('.', '_'), 0, 0));
    const motor = this.writer.declare('board.parts', 'motor', 0, 0);
    this.detachers.push(
      this.board.tracer.add(
        (event) => {
          if (event.kind === 'led') setters.get(event.led)?.(event.brightness, event.t);
          else if (event.kind === 'motor') motor(event.duty, event.t);
        },
        ['led', 'motor'],
      ),
    );
  }
}
