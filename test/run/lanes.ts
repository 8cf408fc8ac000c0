import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type Counts, closingLine, type Ended, judge, type Outcome, type Stage } from './stage.ts';

export interface RunSettings {
  /** Where each stage's output is kept, as STAGE.log. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  readonly expected: Readonly<Record<string, number>>;
  readonly strict: boolean;
  readonly print: (line: string) => void;
  /** Ends the run, and all that it started. */
  readonly signal: AbortSignal;
}

const GRACE = 10_000; // milliseconds between SIGTERM and SIGKILL

/**
 * Runs stages, those of a lane in their order and lanes side by side, each once what it needs has succeeded. One whose
 * needs failed does not run, and has failed.
 */
export async function runStages(stages: readonly Stage[], settings: RunSettings): Promise<Outcome[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([settings.signal, stop.signal]);
  const began = performance.now();
  const outcomes: Outcome[] = [];
  const done = new Map<string, PromiseWithResolvers<boolean>>(
    stages.map(({ name }) => [name, Promise.withResolvers<boolean>()]),
  );
  const succeeded = (name: string) => done.get(name)?.promise ?? Promise.resolve(false);

  const runOne = async (stage: Stage): Promise<Outcome> => {
    const missing: string[] = [];
    for (const name of stage.needs) if (!(await succeeded(name))) missing.push(name);
    for (const name of stage.after ?? []) await done.get(name)?.promise;
    const at = seconds(began);
    const notRun = (problem: string) => ({
      ...{ stage, began: at, took: 0, problem: `${stage.name} did not run: ${problem}` },
      counts: { passed: 0, failed: stage.kind === 'setup' ? 0 : 1, skipped: 0 },
    });
    if (signal.aborted) return notRun('the run was stopped');
    if (missing.length > 0) return notRun(`${missing.join(', ')} failed`);
    settings.print(`== ${stage.name} (after ${Math.round(at)} s)`);
    const ended = await execute(stage, { ...settings, signal });
    const took = seconds(began) - at;
    return { stage, began: at, took, ...judge(stage, ended, settings.expected[stage.name], settings.strict) };
  };

  const lane = async (own: readonly Stage[]) => {
    for (const stage of own) {
      const outcome = await runOne(stage);
      outcomes.push(outcome);
      const well = outcome.counts.failed === 0 && outcome.problem === undefined;
      done.get(stage.name)?.resolve(well);
      settings.print(`== ${stage.name}: ${outcome.problem ?? summary(outcome)}`);
      if (!well && stage.decisive) stop.abort();
    }
  };
  await Promise.all(Object.values(Object.groupBy(stages, (stage) => stage.lane)).map((own) => lane(own ?? [])));
  return outcomes;
}

function summary({ counts, took, stage }: Outcome): string {
  const time = `${Math.round(took)} s`;
  if (stage.kind !== 'tests') return `done in ${time}`;
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${time}`;
}

function seconds(since: number): number {
  return (performance.now() - since) / 1000;
}

/** Runs a stage's command in a process group of its own, each line of its output after the stage's name. */
async function execute(
  stage: Stage,
  { directory, env, print, signal }: Pick<RunSettings, 'directory' | 'env' | 'print' | 'signal'>,
): Promise<Ended> {
  const [file, ...args] = stage.command;
  mkdirSync(directory, { recursive: true });
  const log = createWriteStream(join(directory, `${stage.name}.log`));
  // A shell that is ended leaves its children running: the group has them all.
  const child = spawn(file, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, ...stage.env, SYSCRIBE_TEST_TIMES: resolve(directory, `${stage.name}.times`) },
  });
  let counts: Counts | undefined;
  const follow = async (stream: NodeJS.ReadableStream) => {
    for await (const line of createInterface({ input: stream })) {
      counts = closingLine(line) ?? counts;
      log.write(`${line}\n`);
      if (line !== '') print(`${stage.name.padEnd(9)} ${line}`);
    }
  };
  let timedOut = false;
  const end = () => {
    signalGroup(child.pid, 'SIGTERM');
    setTimeout(() => signalGroup(child.pid, 'SIGKILL'), GRACE).unref();
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, stage.limit * 1000);
  signal.addEventListener('abort', end, { once: true });
  // What a stage leaves running holds its output open: the command's own end counts.
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      print(`${stage.name.padEnd(9)} ${error.message}`);
      resolve(null);
    });
    const followed = Promise.all([follow(child.stdout), follow(child.stderr)]);
    child.once('exit', (status) => {
      const late = setTimeout(() => resolve(status), GRACE);
      void followed.then(() => {
        clearTimeout(late);
        resolve(status);
      });
    });
  });
  clearTimeout(timer);
  signal.removeEventListener('abort', end);
  // The command may end before what it started.
  if (timedOut || signal.aborted) signalGroup(child.pid, 'SIGKILL');
  await new Promise<void>((resolve) => log.end(resolve));
  return { code, timedOut, stopped: signal.aborted, counts };
}

function signalGroup(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // It has ended.
  }
}
