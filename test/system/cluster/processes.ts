import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { PATIENCE } from './variables.ts';

/** A process that outlives whoever started it. */
export interface Started {
  readonly name: string;
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: a number is used again. */
  readonly born: string;
  readonly file: string;
  readonly args: readonly string[];
}

const ENDING = 20_000; // milliseconds until SIGKILL
const STARTING = 120_000 * PATIENCE; // milliseconds
const LOOK = 20; // milliseconds

/** The processes of a cluster, kept in a file of its directory so that another command can end them. */
export class Processes {
  readonly #directory: string;
  readonly #file: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#file = join(directory, 'processes.json');
  }

  start(name: string, file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): void {
    const log = openSync(this.logOf(name), 'a', 0o600);
    const child = spawn(file, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env },
      cwd: this.#directory,
    });
    closeSync(log);
    child.on('error', () => {
      // It has no pid then.
    });
    child.unref();
    const { pid } = child;
    const born = pid === undefined ? undefined : bornOf(pid);
    if (pid === undefined || born === undefined) throw new Error(`${file} could not be started: is it installed?`);
    this.#write([...this.#read(), { name, pid, born, file, args }]);
  }

  logOf(name: string): string {
    return join(this.#directory, `${name}.log`);
  }

  /** Whether any of them runs, or the one of that name. */
  alive(name?: string): boolean {
    return this.#read().some((process) => lives(process) && (name ?? process.name) === process.name);
  }

  /** Those that have ended by themselves, with the end of their logs. */
  ended(): string[] {
    const gone = this.#read().filter((process) => !lives(process));
    return gone.map(({ name }) => `${name} has ended:\n${readFileSync(this.logOf(name), 'utf8').slice(-2000)}`);
  }

  /** Tries again until it succeeds, while all live. */
  async until(attempt: () => Promise<unknown>): Promise<void> {
    for (const end = Date.now() + STARTING; ; await setTimeout(LOOK)) {
      try {
        await attempt();
        return;
      } catch (error) {
        const [ended] = this.ended();
        if (ended !== undefined) throw new Error(ended);
        if (Date.now() > end) throw error;
      }
    }
  }

  /** Kills them all: what they would do at their end is of no use where all of it is taken away. */
  async kill(): Promise<void> {
    for (const process of this.#read()) signal(process, 'SIGKILL');
    await this.stop();
  }

  /** Ends those whose name matches, the newest first, and waits until they are gone; returns what they were. */
  async stop(name = /./): Promise<Started[]> {
    const matching = this.#read().filter((process) => name.test(process.name));
    for (const process of matching.toReversed()) {
      const until = Date.now() + ENDING;
      for (let asked = false; lives(process); await setTimeout(LOOK)) {
        if (!asked) signal(process, 'SIGTERM');
        else if (Date.now() > until) signal(process, 'SIGKILL');
        asked = true;
      }
      this.#write(this.#read().filter(({ pid }) => pid !== process.pid));
    }
    return matching;
  }

  #read(): Started[] {
    return existsSync(this.#file) ? JSON.parse(readFileSync(this.#file, 'utf8')) : [];
  }

  #write(processes: readonly Started[]): void {
    writeFileSync(this.#file, JSON.stringify(processes));
  }
}

function signal({ pid }: Started, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone in the meantime.
  }
}

/** Whether it runs: a zombie, which only waits to be reaped by whoever started it, does not. */
export function lives({ pid, born }: Started): boolean {
  return bornOf(pid) === born;
}

/** Undefined for a process that is gone, or a zombie. */
function bornOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** What each process of this machine was started as. */
export function commands(): { pid: number; words: string[] }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [{ pid: Number(pid), words: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') }];
      } catch {
        return []; // It has ended.
      }
    });
}
