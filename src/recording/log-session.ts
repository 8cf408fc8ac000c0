import { readdirSync, readFileSync } from 'node:fs';
import type { AuditEvent } from '../capture/audit/event.ts';
import { UNSET_ID } from '../kernel/audit.ts';
import { Command, type Exit } from './command.ts';
import { logEverything } from './log-filter.ts';
import { LoggedCalls, LogLosses } from './logged-calls.ts';
import { type Observation, unnamed } from './observation.ts';
import type { Recording } from './recording.ts';
import { SeccompLog } from './seccomp-log.ts';
import type { SessionSettings } from './session.ts';

/** Milliseconds between looks at whether the recorded processes still run. */
const TICK = 250;

/**
 * A command recorded by the kernel's audit log, where eBPF is not allowed: it runs under a filter that logs every call,
 * in an audit session of its own, whose number every record of it and of its descendants carries.
 */
export class LogSession implements Recording {
  readonly finished: Promise<Observation>;
  readonly exit: Promise<Exit | undefined>;
  readonly command: Command;
  readonly #log: SeccompLog;
  readonly #settings: SessionSettings;
  readonly #calls = new LoggedCalls('workload');
  readonly #losses = new LogLosses();
  readonly #started = new Date();
  readonly #sessions: Set<number>;
  readonly #pids = new Set<number>();
  readonly #resolve: (observation: Observation) => void;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  readonly #onAbort = () => void this.stop();

  private constructor(log: SeccompLog, command: Command, sessions: Set<number>, settings: SessionSettings) {
    this.#log = log;
    this.command = command;
    this.#sessions = sessions;
    this.#settings = settings;
    const finished = Promise.withResolvers<Observation>();
    this.finished = finished.promise;
    this.#resolve = finished.resolve;
    this.exit = command.exited;
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
      session.#watch();
      return session;
    } catch (error) {
      log[Symbol.dispose]();
      command?.release();
      throw error;
    }
  }

  add(event: AuditEvent): void {
    const { process, session = UNSET_ID } = event;
    if (!process) return;
    // Its first record is the exec itself, which the filter sees since it is loaded before: from then on it is recorded.
    if (process.pid === this.command.pid && this.#sessions.size === 0 && session !== UNSET_ID) {
      this.#sessions.add(session);
      this.#pids.add(process.pid);
      return;
    }
    if (!this.#sessions.has(session)) return;
    this.#pids.add(process.pid);
    this.#calls.add(event);
  }

  progress(): { syscalls: number; processes: number; quiet: number } {
    return { syscalls: this.#calls.size, processes: this.#pids.size, quiet: this.#calls.quiet };
  }

  async stop(): Promise<Observation> {
    if (!this.#ended) await this.#end();
    return this.finished;
  }

  #watch(): void {
    const { signal, duration, untilQuiet } = this.#settings;
    signal?.addEventListener('abort', this.#onAbort);
    const started = Date.now();
    const look = () => {
      const over = duration !== undefined && Date.now() - started >= duration;
      const quiet = untilQuiet !== undefined && this.#calls.quiet >= untilQuiet;
      if (over || quiet || signal?.aborted || (this.command.gone && this.#running() === 0)) void this.stop();
    };
    this.#timer = setInterval(look, Math.min(TICK, duration ?? TICK));
    void this.command.exited.then(look);
  }

  /** Processes of the recorded sessions that have not ended. */
  #running(): number {
    return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && this.#sessions.has(sessionOf(pid))).length;
  }

  async #end(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#timer);
    this.#settings.signal?.removeEventListener('abort', this.#onAbort);
    const ended = new Date();
    const settled = await this.#log.settle();
    const running = this.#running();
    const calls = this.#calls.list();
    const reasons = [...this.#losses.reasons(this.#log, settled), ...unnamed(calls)];
    if (running > 0)
      reasons.push({ code: 'still-running', message: `${running} process${running === 1 ? '' : 'es'} still running` });
    if (this.#calls.foreign > 0)
      reasons.push({ code: 'unnamed', message: `${this.#calls.foreign} calls of an unknown architecture` });
    this.#log[Symbol.dispose]();
    this.command.release();
    this.#resolve({
      calls,
      processes: this.#pids.size,
      started: this.#started,
      ended,
      reasons,
      lostEvidence: 0,
    });
  }
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
