import { readdirSync, readFileSync } from 'node:fs';
import type { AuditEvent } from '../../capture/audit/event.ts';
import { Command, type Exit } from '../../command/command.ts';
import { logEverything } from '../../command/filter.ts';
import { UNSET_ID } from '../../kernel/audit.ts';
import type { SessionSettings } from '../ebpf/session.ts';
import type { Observation, Reason } from '../observation.ts';
import type { Recording } from '../recording.ts';
import { LogCollector } from './collector.ts';
import { SeccompLog } from './log.ts';

/**
 * A command recorded by the kernel's audit log, where eBPF is not allowed: it runs under a filter that logs every call,
 * in an audit session of its own, whose number every record of it and of its descendants carries.
 */
export class LogSession implements Recording {
  readonly exit: Promise<Exit | undefined>;
  readonly command: Command;
  readonly finished: Promise<Observation>;
  readonly #log: SeccompLog;
  readonly #collector: LogCollector;
  readonly #sessions: Set<number>;

  private constructor(log: SeccompLog, command: Command, sessions: Set<number>, settings: SessionSettings) {
    this.#log = log;
    this.command = command;
    this.exit = command.exited;
    this.#sessions = sessions;
    this.#collector = new LogCollector(log, settings, () => stillRunning(this.#running()));
    this.finished = this.#collector.finished.finally(() => command.release());
  }

  /** @throws SyscribeError when the log stays silent, or the command cannot be started. */
  static async start(argv: readonly string[], settings: SessionSettings = {}): Promise<LogSession> {
    let session: LogSession | undefined;
    const sessions = new Set<number>();
    const log = await SeccompLog.open(
      (event) => session?.add(event),
      (from, to) => {
        if (sessions.has(from)) sessions.add(to);
      },
    );
    let command: Command | undefined;
    try {
      command = new Command({
        argv,
        env: settings.env ?? process.env,
        privileged: settings.privileged ?? false,
        filter: logEverything(),
        auditSession: true,
      });
      session = new LogSession(log, command, sessions, settings);
      command.go();
      await command.executed;
      await session.#begin();
      return session;
    } catch (error) {
      log[Symbol.dispose]();
      command?.release();
      throw error;
    }
  }

  add(event: AuditEvent): void {
    const { process, session = UNSET_ID } = event;
    // Its first record is the exec itself, which the filter sees since it is loaded before: from then on it is recorded.
    if (process?.pid === this.command.pid && this.#sessions.size === 0 && session !== UNSET_ID) {
      this.#sessions.add(session);
      this.#collector.pids.add(process.pid);
    } else if (this.#sessions.has(session)) this.#collector.add(event);
  }

  progress(): { syscalls: number; processes: number; quiet: number } {
    return this.#collector.progress();
  }

  async stop(): Promise<Observation> {
    await this.#collector.stop();
    return this.finished;
  }

  /** Waits for the record of the exec, without which nobody knows whether something of the session still runs. */
  async #begin(): Promise<void> {
    await this.#log.settle();
    this.#collector.watch(() => this.command.gone && this.#running() === 0);
  }

  /** Processes of the recorded sessions that have not ended. */
  #running(): number {
    return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && this.#sessions.has(sessionOf(pid))).length;
  }
}

function stillRunning(count: number): Reason[] {
  if (count === 0) return [];
  return [{ code: 'still-running', message: `${count} process${count === 1 ? '' : 'es'} still running` }];
}

/** The audit session of a process that has not ended; -1 for one that has. */
function sessionOf(pid: string): number {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, 'latin1');
    if (/^[ZX]/.test(state.slice(state.lastIndexOf(')') + 2))) return -1;
    return Number(readFileSync(`/proc/${pid}/sessionid`, 'utf8'));
  } catch {
    return -1;
  }
}
