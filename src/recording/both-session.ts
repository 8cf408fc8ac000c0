import type { AuditEvent } from '../capture/audit/event.ts';
import type { Command, Exit } from '../command/command.ts';
import { SeccompLog } from './audit/log.ts';
import { LoggedCalls, LogLosses } from './audit/logged-calls.ts';
import { RecordingSession, type SessionSettings } from './ebpf/session.ts';
import type { Observation } from './observation.ts';
import type { Recording, Target } from './recording.ts';

/** Actions after which the kernel has not made the call; `trace` and `user_notif` leave that to somebody else. */
const DENYING: readonly string[] = ['errno', 'trap', 'kill_thread', 'kill_process'];

/**
 * A recording by eBPF to which is added what the workload's present profile refused: seccomp comes before the tracepoint,
 * so only the audit log tells of it.
 */
export class DeniedSession implements Recording {
  readonly finished: Promise<Observation>;
  readonly exit: Promise<Exit | undefined>;
  readonly command: Command | undefined;
  readonly #session: RecordingSession;
  readonly #denied: LoggedCalls;

  private constructor(session: RecordingSession, denied: LoggedCalls, finished: Promise<Observation>) {
    this.#session = session;
    this.#denied = denied;
    this.finished = finished;
    this.exit = session.exit;
    this.command = session.command;
  }

  /** @throws SyscribeError when either the log or eBPF cannot be had, or the target does not allow it. */
  static async start(target: Target, settings: SessionSettings = {}): Promise<DeniedSession> {
    const denied = new LoggedCalls('denied');
    const pids = new Set<number>();
    let session: RecordingSession | undefined;
    const log = await SeccompLog.open((event) => {
      session?.drain(); // The process's birth was told before its call was logged.
      if (isDenial(event) && pids.has(event.process?.pid ?? 0)) denied.add(event);
    });
    const losses = new LogLosses();
    try {
      session = await RecordingSession.start(target, { ...settings, onProcess: (pid) => pids.add(pid) });
    } catch (error) {
      log[Symbol.dispose]();
      throw error;
    }
    const finished = session.finished.then(async (observation) => {
      const settled = await log.settle();
      const reasons = [...losses.reasons(log, settled), ...denied.overflow()];
      log[Symbol.dispose]();
      return withDenials(observation, denied, reasons);
    });
    return new DeniedSession(session, denied, finished);
  }

  progress(): { syscalls: number; processes: number; quiet: number } {
    const { syscalls, processes, quiet } = this.#session.progress();
    return { syscalls: syscalls + this.#denied.size, processes, quiet: Math.min(quiet, this.#denied.quiet) };
  }

  async stop(): Promise<Observation> {
    await this.#session.stop();
    return this.finished;
  }
}

function isDenial({ seccomp }: AuditEvent): boolean {
  return seccomp !== undefined && DENYING.includes(seccomp.action);
}

function withDenials(observation: Observation, denied: LoggedCalls, losses: Observation['reasons']): Observation {
  const calls = denied.list();
  const reasons = [...observation.reasons, ...losses];
  if (calls.length > 0)
    reasons.push({
      code: 'denied',
      message: `the present profile refused ${calls.length} call${calls.length === 1 ? '' : 's'}: what the workload does when they succeed was not seen`,
    });
  return { ...observation, calls: [...observation.calls, ...calls], reasons };
}
