import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The built command, as a user starts it, or as an image has it. */
export const SYSCRIBE =
  process.env.SYSCRIBE_TEST_COMMAND ?? fileURLToPath(new URL('../../../bin/syscribe', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

// A test that ran into its limit leaves processes behind, which would keep its file's process, and so the whole run, alive.
const alive = new Set<Running>();
// `make bench` uses this file without the test runner.
if (process.env.NODE_TEST_CONTEXT !== undefined)
  after(() => {
    for (const running of alive) running.abandon();
  });

/** A process whose output is collected and can be waited for. */
export class Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  stdout = '';
  stderr = '';
  #changed = Promise.withResolvers<void>();

  constructor(
    file: string,
    args: readonly string[],
    options: { env?: NodeJS.ProcessEnv; detached?: boolean; cwd?: string; stdin?: 'pipe' } = {},
  ) {
    const { stdin = 'ignore', ...others } = options;
    this.child = spawn(file, args, {
      stdio: [stdin, 'pipe', 'pipe'],
      ...others,
      // A shell that finds PWD wrong asks the kernel instead: no difference between ways to start it is wanted.
      ...(options.cwd !== undefined && { env: { ...(options.env ?? process.env), PWD: options.cwd } }),
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#add('stdout', text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#add('stderr', text));
    alive.add(this);
    // Its output may stay open in what it started: 'close' comes later, or never.
    this.child.once('exit', () => this.#wake());
    this.finished = once(this.child, 'close').then(([code, signal]) => {
      this.#wake();
      alive.delete(this);
      return { code, signal, stdout: this.stdout, stderr: this.stderr };
    });
  }

  /** Ends it, and waits neither for it nor for whoever holds its output. */
  abandon(): void {
    this.child.kill('SIGKILL');
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
    this.child.unref();
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('it did not start');
    return this.child.pid;
  }

  /** Waits until what was written to `stream` matches, so many `times`; throws when the process ends before. */
  async until(stream: 'stdout' | 'stderr', pattern: RegExp, times = 1): Promise<RegExpExecArray> {
    const every = new RegExp(pattern, pattern.flags.replace('g', '').concat('g'));
    for (;;) {
      const match = this[stream]
        .matchAll(every)
        .drop(times - 1)
        .next();
      if (!match.done) return match.value;
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(`ended without ${pattern} on ${stream}:\n${this.stdout}\n${this.stderr}`);
      await this.#changed.promise;
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  #add(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text;
    this.#wake();
  }
}

export function start(args: readonly string[], options: ConstructorParameters<typeof Running>[2] = {}): Running {
  return new Running(SYSCRIBE, args, options);
}

export function syscribe(
  args: readonly string[],
  options: ConstructorParameters<typeof Running>[2] = {},
): Promise<Finished> {
  return start(args, options).finished;
}

export function run(file: string, ...args: string[]): Promise<Finished> {
  return new Running(file, args).finished;
}

/** A directory that is removed after the test. */
export function temporary(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-test-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface EvidenceFile {
  readonly complete: boolean;
  readonly reasons: readonly string[];
  readonly processes: number;
  readonly notes: readonly string[];
  readonly syscalls: readonly {
    readonly name: string;
    readonly abi: string;
    readonly number: number;
    readonly sources: readonly string[];
    readonly first?: { readonly pid: number; readonly comm: string; readonly time: string };
  }[];
}

export function readEvidence(file: string): EvidenceFile {
  return JSON.parse(readFileSync(file, 'utf8')) as EvidenceFile;
}

/** Names of the calls that the workload was seen to make. */
export function observed(evidence: EvidenceFile): string[] {
  return evidence.syscalls.filter(({ sources }) => sources.includes('workload')).map(({ name }) => name);
}

/** Records `command` with evidence; for tests of what is recorded. */
export async function recordEvidence(
  context: TestContext,
  command: readonly string[],
  options: readonly string[] = [],
): Promise<Finished & { evidence: EvidenceFile; profile: string }> {
  const directory = temporary(context);
  const profile = join(directory, 'profile');
  const evidence = join(directory, 'evidence');
  const finished = await syscribe(['record', '-o', profile, '--evidence', evidence, ...options, '--', ...command]);
  return { ...finished, evidence: readEvidence(evidence), profile: readFileSync(profile, 'utf8') };
}

const scratches: string[] = [];
process.once('exit', () => {
  for (const directory of scratches) rmSync(directory, { recursive: true, force: true });
});

/** A directory for all tests of a file, removed when its process ends. */
export function scratch(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `syscribe-${name}-`));
  scratches.push(directory);
  return directory;
}
