import type { AuditEvent } from '../../capture/audit/event.ts';
import type { SessionSettings } from '../ebpf/session.ts';
import { type Observation, type Reason, unnamed } from '../observation.ts';
import type { SeccompLog } from './log.ts';
import { LoggedCalls, LogLosses } from './logged-calls.ts';

const TICK = 250; // milliseconds between looks at whether the recording is over

/** What a recording from the log has in common, whoever it is of: collecting, its end, and what was lost on the way. */
export class LogCollector {
  /** When the recording has ended. */
  readonly finished: Promise<Observation>;
  readonly pids = new Set<number>();
  readonly #log: SeccompLog;
  readonly #settings: SessionSettings;
  readonly #reasons: () => Reason[];
  readonly #calls = new LoggedCalls('workload');
  readonly #losses = new LogLosses();
  readonly #started = new Date();
  readonly #resolve: (observation: Observation) => void;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  readonly #onAbort = () => void this.stop();

  /** @param reasons why the recording is partial apart from what the log lost; asked when its last record has come. */
  constructor(log: SeccompLog, settings: SessionSettings, reasons: () => Reason[]) {
    this.#log = log;
    this.#settings = settings;
    this.#reasons = reasons;
    const finished = Promise.withResolvers<Observation>();
    this.finished = finished.promise;
    this.#resolve = finished.resolve;
  }

  /** Ends the recording when `isOver`, or by the settings' time, quiet and signal. */
  watch(isOver: () => boolean): void {
    const { signal, duration, untilQuiet } = this.#settings;
    signal?.addEventListener('abort', this.#onAbort);
    const look = () => {
      const late = duration !== undefined && Date.now() - this.#started.getTime() >= duration;
      const quiet = untilQuiet !== undefined && this.#calls.quiet >= untilQuiet;
      if (late || quiet || signal?.aborted || isOver()) void this.stop();
    };
    this.#timer = setInterval(look, Math.min(TICK, duration ?? TICK));
  }

  add(event: AuditEvent): void {
    if (event.process) this.pids.add(event.process.pid);
    this.#calls.add(event);
  }

  progress(): { syscalls: number; processes: number; quiet: number } {
    return { syscalls: this.#calls.size, processes: this.pids.size, quiet: this.#calls.quiet };
  }

  async stop(): Promise<Observation> {
    if (!this.#ended) await this.#end();
    return this.finished;
  }

  async #end(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#timer);
    this.#settings.signal?.removeEventListener('abort', this.#onAbort);
    const ended = new Date();
    const settled = await this.#log.settle();
    const calls = this.#calls.list();
    const reasons = [...this.#losses.reasons(this.#log, settled), ...unnamed(calls), ...this.#reasons()];
    if (this.#calls.foreign > 0)
      reasons.push({ code: 'unnamed', message: `${this.#calls.foreign} calls of an unknown architecture` });
    reasons.push(...this.#calls.overflow());
    this.#log[Symbol.dispose]();
    this.#resolve({ calls, processes: this.pids.size, started: this.#started, ended, reasons, lostEvidence: 0 });
  }
}
