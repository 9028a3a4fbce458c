/**
 * The bench: a board that runs a program in this page, its controls, and panels that show what it does.
 *
 * LEDs are painted each frame, text a few times a second. A file may be dropped anywhere; what is wrong with it is said
 * in the banner, and the board that was there stays.
 */

import { errorMessage } from '../../../errors/index.ts';
import type { Image } from '../../../host/emulator/index.ts';
import { h, setAttribute, setText } from '../dom.ts';
import { button, Choices, field } from '../form.ts';
import { I2cPanel } from './i2c-panel.ts';
import { Lamps } from './lamps.ts';
import { Machine } from './machine.ts';
import { pageTimers } from './page-timers.ts';
import { ProcessorPanel } from './processor-panel.ts';
import { loadFile, loadReleased, type ReleasedProgram, releasedPrograms } from './programs.ts';
import { SerialPanel } from './serial-panel.ts';
import { WorldPanel } from './world-panel.ts';

const FIRST_PROGRAM = 'ball';
const TEXT_INTERVAL_MS = 150;
const FILE_OPTION = 'file';

export class Bench {
  private readonly root: Document;
  private readonly timers = pageTimers();
  private readonly lamps = new Lamps();
  private readonly world = new WorldPanel();
  private readonly serial = new SerialPanel();
  private readonly i2c = new I2cPanel();
  private readonly processor = new ProcessorPanel();
  private readonly program = h('select', { autocomplete: 'off' });
  private readonly file = h('input', { type: 'file', hidden: true, 'aria-label': 'Program file' });
  private readonly runButton = button('Pause', 'primary run', () => this.setRunning(!this.machine?.runner.running));
  private readonly speed: Choices;
  private readonly meters = new Map<string, HTMLElement>();
  private programs: ReleasedProgram[] = [];
  private machine: Machine | undefined;
  private image: Image | undefined;
  private loads = 0;
  private paintedMs = 0;

  constructor(root: Document) {
    this.root = root;
    const speeds = { '0.1': '0.1×', '1': '1×', '10': '10×', max: 'Max' };
    const choices = Object.entries(speeds).map(([value, label]) => ({ value, label }));
    choices.sort((a, b) => (a.value === 'max' ? 1 : b.value === 'max' ? -1 : Number(a.value) - Number(b.value)));
    this.speed = new Choices('Speed', choices, '1', () => this.applySpeed());
  }

  /** Builds the page and starts the first program. */
  async start(): Promise<void> {
    this.build();
    this.listen();
    this.paint();
    try {
      this.programs = await releasedPrograms();
    } catch (error) {
      this.complain(`No released program: ${errorMessage(error)}. Open a file of your own.`);
      return;
    }
    const options = this.programs.map(({ name, flashBytes }) =>
      h('option', { value: name }, `${name} (${(flashBytes / 1024).toFixed(1)} KB)`),
    );
    this.program.append(...options);
    const wanted = this.root.location.hash.slice(1);
    const found = this.programs.find(({ name }) => name === wanted) ?? this.programs.find(isFirst) ?? this.programs[0];
    if (found === undefined) return;
    this.program.value = found.name;
    await this.loadReleased();
  }

  private build(): void {
    this.find('controls').append(
      field('Program', this.program),
      button('Open file…', '', () => this.file.click()),
      this.file,
      h(
        'div',
        { class: 'row buttons' },
        this.runButton,
        button('Step', '', () => this.step(), { title: 'Execute one instruction' }),
        button('Reset', '', () => this.machine?.board.pressReset(), { title: 'The reset button of the board' }),
        button('Power cycle', '', () => this.image && this.power(this.image), {
          title: 'Take the power and give it back',
        }),
      ),
      this.speed.element,
    );
    for (const name of ['Board time', 'Real time', 'Instructions', 'CPU awake', 'DCO']) {
      const value = h('dd', {}, '–');
      this.meters.set(name, value);
      this.find('meters').append(h('div', {}, h('dt', {}, name), value));
    }
    const contents = {
      lamps: this.lamps,
      world: this.world,
      serial: this.serial,
      i2c: this.i2c,
      processor: this.processor,
    };
    for (const [id, { element }] of Object.entries(contents)) this.find(id).append(element);
  }

  private listen(): void {
    this.program.addEventListener('change', () => void this.loadReleased());
    this.file.addEventListener('change', () => {
      const file = this.file.files?.[0];
      if (file) void this.loadFile(file);
      this.file.value = '';
    });
    const { body } = this.root;
    body.addEventListener('dragover', (event) => {
      event.preventDefault();
      body.dataset.dragging = 'true';
    });
    for (const end of ['dragleave', 'dragend', 'drop']) body.addEventListener(end, () => delete body.dataset.dragging);
    body.addEventListener('drop', (event) => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) void this.loadFile(file);
    });
  }

  // ---- programs

  private async loadReleased(): Promise<void> {
    const program = this.programs.find(({ name }) => name === this.program.value);
    if (program === undefined) return;
    this.root.defaultView?.history.replaceState(null, '', `#${program.name}`);
    await this.load(program.name, () => loadReleased(program));
  }

  private async loadFile(file: File): Promise<void> {
    const loaded = await this.load(file.name, () => loadFile(file));
    if (!loaded) return;
    this.program.querySelector(`[value=${FILE_OPTION}]`)?.remove();
    this.program.append(h('option', { value: FILE_OPTION }, file.name));
    this.program.value = FILE_OPTION;
  }

  /** False when it failed, or when a later load overtook it. */
  private async load(name: string, read: () => Promise<Image>): Promise<boolean> {
    const turn = ++this.loads;
    try {
      const image = await read();
      if (turn !== this.loads) return false;
      this.power(image);
      this.banner('', '');
      return true;
    } catch (error) {
      if (turn === this.loads) this.complain(`${name}: ${errorMessage(error)}`);
      return false;
    }
  }

  /** A new board with this program, switched on. */
  private power(image: Image): void {
    this.machine?.runner.pause();
    this.image = image;
    const machine = new Machine(image, this.timers, (error) =>
      this.complain(`The emulated board failed: ${errorMessage(error)}`),
    );
    this.machine = machine;
    machine.runner.speed = this.chosenSpeed();
    for (const panel of [this.world, this.serial, this.i2c, this.processor]) panel.attach(machine);
    this.setRunning(true);
  }

  // ---- running

  private chosenSpeed(): number | 'max' {
    return this.speed.value === 'max' ? 'max' : Number(this.speed.value);
  }

  private applySpeed(): void {
    if (this.machine) this.machine.runner.speed = this.chosenSpeed();
  }

  private setRunning(running: boolean): void {
    if (this.machine === undefined) return;
    if (running) this.machine.runner.run();
    else this.machine.runner.pause();
    this.refreshText();
  }

  private step(): void {
    this.machine?.runner.step();
    this.refreshText();
  }

  // ---- picture

  private paint(): void {
    const nowMs = performance.now();
    const { machine } = this;
    if (machine !== undefined) {
      this.lamps.paint(machine.board, nowMs);
      if (nowMs - this.paintedMs >= TEXT_INTERVAL_MS) this.refreshText();
    }
    requestAnimationFrame(() => this.paint());
  }

  private refreshText(): void {
    const { machine } = this;
    if (machine === undefined) return;
    this.paintedMs = performance.now();
    for (const panel of [this.world, this.serial, this.i2c]) panel.refresh(machine);
    this.processor.refresh(machine, !machine.runner.running);
    this.refreshMeters(machine);
    setText(this.runButton, machine.runner.running ? 'Pause' : 'Run');
    setAttribute(this.root.body, 'data-running', String(machine.runner.running));
  }

  private refreshMeters({ board, runner }: Machine): void {
    const rates = runner.rates();
    const idle = runner.running ? '…' : 'paused';
    this.meter('Board time', `${board.seconds.toFixed(3)} s`);
    this.meter('Real time', rates === undefined ? idle : `${formatFactor(rates.realtimeFactor)}×`);
    this.meter('Instructions', rates === undefined ? idle : `${formatMips(rates.mips)} MIPS`);
    const { activeCycles, scheduler } = board.mcu;
    const awake = board.seconds === 0 ? 0 : activeCycles / scheduler.frequencyHz / board.seconds;
    this.meter('CPU awake', `${(Math.min(1, awake) * 100).toFixed(1)} %`);
    this.meter('DCO', `${(scheduler.frequencyHz / 1e6).toFixed(2)} MHz`);
  }

  private meter(name: string, text: string): void {
    setText(this.meters.get(name)!, text);
  }

  private complain(text: string): void {
    this.banner('failed', text);
    this.refreshText();
  }

  private banner(kind: string, text: string): void {
    const banner = this.find('banner');
    banner.dataset.kind = kind;
    setText(banner, text);
  }

  private find(id: string): HTMLElement {
    const element = this.root.getElementById(id);
    if (element === null) throw new Error(`index.html has no element "${id}"`);
    return element;
  }
}

function isFirst({ name }: ReleasedProgram): boolean {
  return name === FIRST_PROGRAM;
}

/** `1.00`, `12.3`, `4560`. */
function formatFactor(factor: number): string {
  return factor >= 100 ? Math.round(factor).toString() : factor.toPrecision(3);
}

function formatMips(mips: number): string {
  return mips >= 10 ? mips.toFixed(1) : mips.toFixed(3);
}
