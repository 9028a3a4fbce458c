/** A pseudo-terminal with an echo behind it, made by socat: what a serial port is to everyone who opens it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, existsSync, openSync } from 'node:fs';

export class EchoPty {
  readonly path: string;
  private process: ChildProcess | undefined;
  private held: number | undefined;

  /** @param path where the link to the terminal is made */
  constructor(path: string) {
    this.path = path;
  }

  async start(): Promise<void> {
    const child = spawn('socat', [`pty,raw,echo=0,link=${this.path}`, 'EXEC:cat'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.process = child;
    let trouble = '';
    child.stderr.on('data', (text) => {
      trouble += text;
    });
    child.on('error', (error) => {
      trouble += `${error.message}: socat is needed for this test, make setup installs it`;
    });
    for (let attempt = 0; !existsSync(this.path); attempt++) {
      if (trouble !== '' || child.exitCode !== null || attempt > 2000) throw new Error(`socat: ${trouble}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    // As long as somebody holds the terminal open, socat does not take the end of one connection for the end of all.
    this.held = openSync(this.path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  }

  /** The cable is pulled: the terminal is gone. */
  async stop(): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (this.held !== undefined) closeSync(this.held);
    this.held = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise((resolve) => {
      child.once('exit', resolve);
      child.kill();
    });
  }
}
