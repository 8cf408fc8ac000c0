import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Finished, Running, run } from '../support/syscribe.ts';
import type { Bundle } from './make-bundle.ts';
import type { Runtime } from './runtimes.ts';

let count = 0;

/** A container in the foreground of its runtime; gone when disposed of, whatever it does. */
export class Container implements AsyncDisposable {
  readonly id = `syscribe-test-${process.pid}-${count++}`;
  readonly bundle: Bundle;
  readonly running: Running;
  readonly #command: readonly string[];
  readonly #pidFile: string;

  constructor(runtime: Runtime, bundle: Bundle) {
    this.bundle = bundle;
    this.#pidFile = join(bundle.directory, 'pid');
    this.#command = [...runtime.command(), '--root', join(bundle.directory, 'state')];
    const args = ['run', '--bundle', bundle.directory, '--pid-file', this.#pidFile, this.id];
    const [file = '', ...before] = this.#command;
    this.running = new Running(file, [...before, ...args]);
  }

  get finished(): Promise<Finished> {
    return this.running.finished;
  }

  /** Waits for a condition; throws when the container ends before. */
  async until(condition: () => Promise<boolean> | boolean): Promise<void> {
    while (!(await condition())) {
      const { child, stdout, stderr } = this.running;
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the container ended before it was ready: ${child.exitCode}\n${stdout}\n${stderr}`);
      await setTimeout(2);
    }
  }

  /** A command of the host in the container's network. */
  async withNetwork(...command: readonly string[]): Promise<Finished> {
    await this.until(() => existsSync(this.#pidFile) && readFileSync(this.#pidFile, 'utf8') !== '');
    return run('nsenter', `--net=/proc/${readFileSync(this.#pidFile, 'utf8').trim()}/ns/net`, '--', ...command);
  }

  /** A command of the container, by the runtime. */
  exec(...command: readonly string[]): Promise<Finished> {
    return this.#call('exec', this.id, ...command);
  }

  kill(signal: 'TERM' | 'QUIT'): Promise<Finished> {
    return this.#call('kill', this.id, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#call('delete', '--force', this.id); // Fails where it is gone, as it should be.
    await this.finished;
  }

  #call(...args: readonly string[]): Promise<Finished> {
    const [file = '', ...before] = this.#command;
    return run(file, ...before, ...args);
  }
}
