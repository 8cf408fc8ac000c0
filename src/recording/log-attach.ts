import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEvent } from '../capture/audit/event.ts';
import { type Cgroup, cgroupPathWithin, isWithin, openCgroup } from '../container/cgroup.ts';
import { findContainer } from '../container/find.ts';
import { SyscribeError } from '../platform/errors.ts';
import { LoggedCalls, LogLosses } from './logged-calls.ts';
import { type Observation, unnamed } from './observation.ts';
import type { Recording, Target } from './recording.ts';
import { SeccompLog } from './seccomp-log.ts';
import type { SessionSettings } from './session.ts';

const TICK = 250; // milliseconds

/** What a running container's own seccomp profile logs, collected from the audit log: for profiles that log. */
export class LogAttachment implements Recording {
  readonly finished: Promise<Observation>;
  readonly exit = Promise.resolve(undefined);
  readonly command = undefined;
  readonly #log: SeccompLog;
  readonly #cgroup: Cgroup;
  readonly #within: string;
  readonly #settings: SessionSettings;
  readonly #calls = new LoggedCalls('workload');
  readonly #losses = new LogLosses();
  readonly #started = new Date();
  readonly #pids = new Set<number>();
  readonly #resolve: (observation: Observation) => void;
  readonly #timer: NodeJS.Timeout;
  #gone = 0;
  #ended = false;
  readonly #onAbort = () => void this.stop();

  private constructor(log: SeccompLog, cgroup: Cgroup, settings: SessionSettings) {
    this.#log = log;
    this.#cgroup = cgroup;
    this.#within = cgroupPathWithin(cgroup);
    this.#settings = settings;
    const finished = Promise.withResolvers<Observation>();
    this.finished = finished.promise;
    this.#resolve = finished.resolve;
    settings.signal?.addEventListener('abort', this.#onAbort);
    this.#timer = setInterval(() => this.#look(), Math.min(TICK, settings.duration ?? TICK));
  }

  /** @throws SyscribeError when the log stays silent, or nothing in the cgroup is under a seccomp filter. */
  static async start(target: Target, settings: SessionSettings = {}): Promise<LogAttachment> {
    if ('pid' in target || 'command' in target)
      throw new SyscribeError('ERR_USAGE', 'a process cannot be recorded from the log by its number', {
        remedy: 'Its children would not be known: give its cgroup with --cgroup, or leave --source audit away.',
      });
    const cgroup = 'cgroup' in target ? openCgroup(target.cgroup) : findContainer(target.container);
    if (!processesOf(cgroup).some(isFiltered))
      throw new SyscribeError('ERR_TARGET_NOT_FOUND', `nothing in ${cgroup.path} runs under a seccomp filter`, {
        remedy: 'Start it under a profile whose default action is SCMP_ACT_LOG, or leave --source audit away.',
      });
    let attachment: LogAttachment | undefined;
    const log = await SeccompLog.open((event) => attachment?.add(event));
    attachment = new LogAttachment(log, cgroup, settings);
    return attachment;
  }

  add(event: AuditEvent): void {
    const pid = event.process?.pid ?? 0;
    if (this.#pids.has(pid)) {
      this.#calls.add(event);
      return;
    }
    let cgroups: string;
    try {
      cgroups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
    } catch {
      this.#gone += 1;
      return;
    }
    if (!isWithin(cgroups, this.#cgroup, this.#within)) return;
    this.#pids.add(pid);
    this.#calls.add(event);
  }

  progress(): { syscalls: number; processes: number; quiet: number } {
    return { syscalls: this.#calls.size, processes: this.#pids.size, quiet: this.#calls.quiet };
  }

  async stop(): Promise<Observation> {
    if (!this.#ended) await this.#end();
    return this.finished;
  }

  #look(): void {
    const { duration, untilQuiet, signal } = this.#settings;
    const over = duration !== undefined && Date.now() - this.#started.getTime() >= duration;
    const quiet = untilQuiet !== undefined && this.#calls.quiet >= untilQuiet;
    const gone = !existsSync(this.#cgroup.path) || processesOf(this.#cgroup).length === 0;
    if (over || quiet || gone || signal?.aborted) void this.stop();
  }

  async #end(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#timer);
    this.#settings.signal?.removeEventListener('abort', this.#onAbort);
    const ended = new Date();
    const settled = await this.#log.settle();
    const calls = this.#calls.list();
    const reasons = [...this.#losses.reasons(this.#log, settled), ...unnamed(calls)];
    reasons.push({ code: 'began-late', message: 'recording began after the workload' });
    reasons.push({ code: 'log-only', message: 'only what its seccomp profile logs was seen' });
    if (this.#gone > 0)
      reasons.push({
        code: 'log-lost',
        message: `${this.#gone} records were of processes that had ended before it could be told whose they were`,
      });
    this.#log[Symbol.dispose]();
    this.#resolve({ calls, processes: this.#pids.size, started: this.#started, ended, reasons, lostEvidence: 0 });
  }
}

function processesOf(cgroup: Cgroup): string[] {
  try {
    return readFileSync(join(cgroup.path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
  } catch {
    return []; // It is gone.
  }
}

/** Whether a process runs under a seccomp filter: mode 2 in /proc/PID/status. */
function isFiltered(pid: string): boolean {
  try {
    return /^Seccomp:\s*2$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
