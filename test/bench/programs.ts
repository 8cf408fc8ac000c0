/** The bench's own programs: compiled when it begins, gone when it ends. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('.', import.meta.url));

export class Programs implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'syscribe-bench-'));

  constructor() {
    try {
      this.#compileAll();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  #compileAll(): void {
    for (const name of ['getppid', 'spawn', 'measure']) this.#compile(name);
    this.#compile('nothing', '-static');
    this.#compile('tracer', '-lbpf');
    const multiarch = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
    const flags = ['-g', '-O2', '-target', 'bpf', `-I/usr/include/${multiarch}`];
    execFileSync('clang', [...flags, '-c', join(SOURCES, 'empty.bpf.c'), '-o', this.path('empty.bpf.o')]);
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  #compile(name: string, ...last: string[]): void {
    const flags = ['-O2', '-Wall', '-Wextra', '-D_GNU_SOURCE'];
    execFileSync('cc', [...flags, join(SOURCES, `${name}.c`), '-o', this.path(name), ...last]);
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A process that answers each line with a line. */
export class Dialogue implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(file: string, ...args: string[]) {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('it did not start');
    return this.#child.pid;
  }

  async ask(line: string): Promise<string> {
    this.#child.stdin?.write(`${line}\n`);
    return this.heard();
  }

  /** The next line that it says, asked or not. */
  async heard(): Promise<string> {
    const answer = await this.#answers.next();
    if (answer.done) throw new Error(`${this.#child.spawnfile} ended instead of answering`);
    return answer.value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.stdin?.end();
    await closed;
  }
}
