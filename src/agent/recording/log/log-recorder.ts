import type { Continuation } from '../../../capture/audit/log-file.ts';
import type { EventRecorder } from '../../../kube/events.ts';
import type { Log } from '../../../kube/log.ts';
import type { SyscribeError } from '../../../platform/errors.ts';
import { waitFor } from '../../../platform/wait.ts';
import type { StreamBatch } from '../../../stream/pipeline.ts';
import type { Account, AuditLog, OnBatch } from '../../audit/audit-log.ts';
import { type ClusterView, synced } from '../../pods/cluster.ts';
import type { Identities } from '../../pods/identities.ts';
import { PodEvents } from '../../pods/pod-events.ts';
import { finish } from '../container-record.ts';
import { isOver } from '../finished.ts';
import type { Records } from '../record-store.ts';
import { isLogged } from '../selection.ts';
import type { CheckpointFile } from './checkpoint.ts';
import { Folding } from './folding.ts';
import { type Alive, type Owned, Owners } from './owners.ts';
import { Flood } from './rate-limit.ts';
import { Keeper } from './resume.ts';
import { LoggedRuns } from './runs.ts';

/** Milliseconds between looks. */
const TICK = 1000;
/** While nothing is recorded from the log. */
const IDLE = 30_000;
/** Every so many rounds all containers are looked at: what the log lost is told even where no new call comes. */
const ROUNDS = 30;
/** Milliseconds until a log that could not be read is tried again. */
const AGAIN = 30_000;
/** Milliseconds for what is on its way when this process is told to end. */
const LAST = 5000;
/** Looks after which calls of a container that nobody knows are let go. */
const PATIENCE = 300;

export interface LogsParts {
  readonly view: ClusterView;
  readonly identities: Identities;
  readonly records: Records;
  readonly events: Pick<EventRecorder, 'event'>;
  readonly log: Log;
  /**
   * @param from where to read on, if that can be.
   * @throws where the log cannot be read.
   */
  readonly open: (onBatch: OnBatch, from?: Continuation) => Promise<AuditLog>;
  /** Where is kept how far the log was read. */
  readonly checkpoints: Pick<CheckpointFile, 'read' | 'write' | 'remove'>;
  /** Records a second that recorded containers may make together; 0: as many as they like. */
  readonly rateLimit: number;
  /** Containers that have a cgroup now; undefined where that cannot be told. */
  readonly alive: () => Alive;
}

/**
 * Records containers from the audit log: those that the webhook has made run under the profile that logs everything. The log
 * is read only while such a recording is there. Collected is for all containers that log, since their calls come before
 * anybody knows whose they are.
 */
export class Logs {
  readonly #parts: LogsParts;
  readonly #events: PodEvents;
  readonly #owners: Owners;
  readonly #runs = new LoggedRuns();
  readonly #flood: Flood;
  readonly #folding: Folding;
  #limited = 0;
  readonly #keeper: Keeper;
  #readSince = 0;
  /** What was lost as of the last look at all. */
  #losses = '';
  #audit: AuditLog | undefined;
  #openFrom = 0;
  #rounds = 0;
  #wake = Promise.withResolvers<void>();
  #unsupported: string | undefined;

  constructor(parts: LogsParts) {
    this.#parts = parts;
    this.#events = new PodEvents(parts.events);
    this.#owners = new Owners({ ...parts, events: this.#events });
    this.#keeper = new Keeper(parts.checkpoints, parts.log);
    this.#flood = new Flood(parts.rateLimit);
    this.#folding = new Folding({ runs: this.#runs, records: parts.records, events: this.#events });
    const { pods, recordings, namespaces } = parts.view;
    for (const informer of [pods, recordings, namespaces]) informer.onChange(() => this.#wake.resolve());
  }

  /** Why nothing can be recorded from the log though something should be. */
  get unsupported(): string | undefined {
    return this.#unsupported;
  }

  /** What was read of the log, while it is read. */
  get counts(): ReturnType<AuditLog['counts']> | undefined {
    return this.#audit?.counts();
  }

  /** Containers that are collected for, those that had to make room, and those that logged too much. */
  get stats(): { readonly containers: number; readonly evicted: number; readonly limited: number } {
    return { containers: this.#runs.ids().length, evicted: this.#runs.evicted, limited: this.#limited };
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await synced(this.#parts.view, signal);
      while (!signal.aborted) {
        await this.round();
        await waitFor(this.#wake.promise, this.#audit || this.#isWanted() ? TICK : IDLE, signal);
        this.#wake = Promise.withResolvers();
      }
    } finally {
      await this.#handOver();
    }
  }

  /** Looks at what there is, and makes the difference good. */
  async round(): Promise<void> {
    if (!this.#isWanted()) {
      await this.#close();
      this.#keeper.forget();
      this.#unsupported = undefined;
      return;
    }
    if (!this.#audit && Date.now() >= this.#openFrom) await this.#open();
    const alive = this.#parts.alive();
    for (const { pod, id, container } of this.#owners.running()) {
      if (this.#audit) this.#runs.notice(id);
      else
        this.#events.tell(pod, 'Warning', 'AuditLogUnavailable', `${container} is not recorded: ${this.#unsupported}`);
    }
    // What an earlier process began is not given up while the log may still be read on from there.
    if (!this.#keeper.earlier) for (const id of this.#begun()) this.#runs.resume(id);
    this.#noticeEnded();
    const account = this.#audit?.account();
    const losses = JSON.stringify([account?.status?.lost, account?.lost, account?.unresolved]);
    await this.#look(alive, account, this.#rounds++ % ROUNDS === 0 || losses !== this.#losses);
    this.#losses = losses;
    await this.#limit(alive, account);
    if (account) this.#keeper.keep(this.#runs, account);
    await this.#finish(alive);
    if (account) this.#runs.mark(account);
  }

  /** Containers that are recorded, and have not ended as far as their records tell. */
  #begun(): string[] {
    return this.#owners.unfinished().flatMap(({ current }) => Object.keys(current));
  }

  /** Of a short one nothing may have been noticed before its status says that it has ended. */
  #noticeEnded(): void {
    if (!this.#audit && this.#keeper.earlier) return;
    for (const { id, endedAt } of this.#owners.endedSince(this.#keeper.since)) {
      if (!this.#audit || endedAt < this.#readSince) this.#runs.missed(id);
      else this.#runs.notice(id);
    }
  }

  #isWanted(): boolean {
    const { view } = this.#parts;
    if (this.#owners.unfinished().length > 0) return true;
    return [...view.recordings.list()].some(
      (recording) => isLogged(recording) && view.namespaces.get(recording.metadata.namespace ?? '') !== undefined,
    );
  }

  async #open(): Promise<void> {
    const { open, alive, log } = this.#parts;
    const { earlier } = this.#keeper;
    for (const id of earlier?.done ?? []) this.#runs.done(id, earlier?.time);
    try {
      const audit = await open((batch) => this.#take(batch), earlier?.position);
      const running = this.#owners.running().map(({ id }) => id);
      const account = audit.account();
      this.#audit = audit;
      this.#unsupported = undefined;
      this.#readSince = Date.now();
      const early = [...(alive()?.keys() ?? []), ...running, ...this.#begun()];
      this.#runs.opened(early, account, this.#keeper.takeOver(audit, account));
      log.info({ from: earlier?.position && audit.began }, 'the audit log is read');
      void audit.ended.then((error) => this.#lost(audit, error));
    } catch (error) {
      this.#failed(error);
      log.warn({ error }, 'the audit log cannot be read: nothing is recorded from it');
    }
  }

  /** The log is read no more though nobody asked for that. */
  #lost(audit: AuditLog, error: unknown): void {
    if (this.#audit !== audit) return;
    this.#parts.log.warn({ error }, 'the audit log ended');
    this.#audit = undefined;
    this.#runs.interrupted();
    this.#failed(error ?? new Error('it ended'));
    void audit[Symbol.asyncDispose]();
  }

  #failed(error: unknown): void {
    const { message, remedy } = error as SyscribeError;
    this.#unsupported = remedy === undefined ? message : `${message}. ${remedy}`;
    this.#openFrom = Date.now() + AGAIN;
    this.#keeper.failed();
  }

  /** To the next process: what has come up to now is on disk, and is not read again. */
  async #handOver(): Promise<void> {
    if (this.#audit) {
      await waitFor(this.#settle(), LAST);
      const account = this.#audit?.account();
      await this.#look(this.#parts.alive(), account, true);
      if (account) this.#keeper.keep(this.#runs, account);
    }
    await this.#close();
  }

  async #close(): Promise<void> {
    const audit = this.#audit;
    this.#audit = undefined;
    this.#runs.clear();
    await audit?.[Symbol.asyncDispose]();
  }

  #take({ events, position }: StreamBatch): void {
    for (const event of events)
      if (event.container && event.seccomp?.action === 'log' && this.#runs.add(event.container.id, event))
        this.#flood.add(event.container.id, event.time);
    if (position) this.#runs.reached(position);
  }

  async #look(alive: Alive, account: Account | undefined, all: boolean): Promise<void> {
    const ended: Owned[] = [];
    for (const id of this.#runs.ids()) {
      const owned = await this.#owners.find(id, alive);
      if (owned === 'other' || (owned === 'unknown' && this.#runs.unknown(id) > PATIENCE)) this.#runs.forget(id);
      if (typeof owned === 'string') continue;
      if (owned.ended) ended.push(owned);
      else if (owned.records.every((record) => record.ended.includes(id))) this.#leave(id);
      // A number that has not come is lost if it still has not at the end.
      else if (all || this.#runs.hasNews(id)) this.#folding.update(owned, account && { ...account, pending: 0 }, true);
    }
    if (ended.length === 0) return;
    const settled = await this.#settle();
    const end = this.#audit?.account();
    for (const owned of ended) if (this.#folding.update(owned, end, settled)) this.#runs.done(owned.id);
  }

  /** A container that floods the log would have the records of others lost, and fill the disk. */
  async #limit(alive: Alive, account: Account | undefined): Promise<void> {
    for (const { owned, rate } of await this.#flood.over((id) => this.#owners.find(id, alive))) {
      const { id, pod, container } = owned;
      const message = `it logged ${Math.round(rate)} calls a second, which with others is more than ${this.#parts.rateLimit}`;
      const kept = this.#folding.update({ ...owned, ended: true }, account, true, [{ code: 'rate-limited', message }]);
      if (!kept) continue;
      this.#leave(id);
      this.#limited += 1;
      const remedy = 'Record it by recorder Bpf. Its calls are logged until the pod is deleted';
      this.#events.tell(
        pod,
        'Warning',
        'RecordingRateLimited',
        `${container} is recorded no more: ${message}. ${remedy}.`,
      );
    }
  }

  /** Its recording has ended, in an earlier process perhaps, though it runs on: what it logs from now on is nobody's. */
  #leave(id: string): void {
    this.#runs.done(id);
    this.#flood.forget(id);
  }

  /** Whether all that was logged up to now has been told; not where no mark can be made either. */
  async #settle(): Promise<boolean> {
    try {
      return (await this.#audit?.settle()) ?? false;
    } catch (error) {
      this.#parts.log.warn({ error }, 'the end of the audit log cannot be told');
      return false;
    }
  }

  /** A recording that is deleted gets what was logged up to then. */
  async #finish(alive: Alive): Promise<void> {
    const { records, view, identities } = this.#parts;
    const over = this.#owners.unfinished().filter((record) => isOver(record, view, identities));
    const running = over.flatMap(({ current }) => Object.keys(current));
    if (running.length > 0) {
      const settled = await this.#settle();
      const account = this.#audit?.account();
      for (const id of running) {
        const owned = await this.#owners.find(id, alive);
        if (typeof owned === 'object') this.#folding.update(owned, account, settled);
      }
    }
    for (const { id } of over) {
      const record = records.get(id);
      if (record) records.put(finish(record));
    }
  }
}
