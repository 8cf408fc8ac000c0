import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { AuditEvent } from '../../capture/audit/event.ts';
import { type Cgroup, cgroupPathWithin, isWithin, openCgroup } from '../../container/cgroup.ts';
import { findContainer } from '../../container/find.ts';
import { SyscribeError } from '../../platform/errors.ts';
import type { SessionSettings } from '../ebpf/session.ts';
import type { Observation, Reason } from '../observation.ts';
import type { Recording, Target } from '../recording.ts';
import { LogCollector } from './collector.ts';
import { SeccompLog } from './log.ts';

/** Milliseconds for which a process number stands for the process that was looked at: see Identity's REUSE. */
const REUSE = 1000;

/** What a running container's own seccomp profile logs, collected from the audit log: for profiles that log. */
export class LogAttachment implements Recording {
  readonly finished: Promise<Observation>;
  readonly exit = Promise.resolve(undefined);
  readonly command = undefined;
  readonly #cgroup: Cgroup;
  readonly #within: string;
  readonly #collector: LogCollector;
  /** Whether a process was in the cgroup, and when that was looked at. */
  readonly #looked = new LRUCache<number, { readonly inside: boolean; readonly at: number }>({ max: 65_536 });
  #gone = 0;

  private constructor(log: SeccompLog, cgroup: Cgroup, settings: SessionSettings) {
    this.#cgroup = cgroup;
    this.#within = cgroupPathWithin(cgroup);
    this.#collector = new LogCollector(log, settings, () => this.#reasons());
    this.finished = this.#collector.finished;
    this.#collector.watch(() => !existsSync(cgroup.path) || processesOf(cgroup).length === 0);
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
    if (this.#isInside(event.process?.pid ?? 0)) this.#collector.add(event);
  }

  progress(): { syscalls: number; processes: number; quiet: number } {
    return this.#collector.progress();
  }

  stop(): Promise<Observation> {
    return this.#collector.stop();
  }

  #isInside(pid: number): boolean {
    const known = this.#looked.get(pid);
    const now = Date.now();
    if (known && now - known.at < REUSE) return known.inside;
    try {
      const inside = isWithin(readFileSync(`/proc/${pid}/cgroup`, 'utf8'), this.#cgroup, this.#within);
      this.#looked.set(pid, { inside, at: now });
      return inside;
    } catch {
      this.#gone += 1;
      return false;
    }
  }

  #reasons(): Reason[] {
    const reasons: Reason[] = [
      { code: 'began-late', message: 'recording began after the workload' },
      { code: 'log-only', message: 'only what its seccomp profile logs was seen' },
    ];
    if (this.#gone > 0)
      reasons.push({
        code: 'log-lost',
        message: `${this.#gone} records were of processes that had ended before it could be told whose they were`,
      });
    return reasons;
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
