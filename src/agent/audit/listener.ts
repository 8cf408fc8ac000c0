import type { NodeRollout } from '../../api/rollout.ts';
import type { Log } from '../../kube/log.ts';
import type { SyscribeError } from '../../platform/errors.ts';
import { waitFor } from '../../platform/wait.ts';
import type { AuditLog, OnBatch } from './audit-log.ts';
import { Losses } from './losses.ts';

/** Milliseconds until a log that could not be read is tried again. */
const AGAIN = 30_000;
const MOST_TEXT = 1000;

export interface ListenerParts {
  readonly log: Log;
  /** @throws where the log cannot be read. */
  readonly open: (onBatch: OnBatch) => Promise<AuditLog>;
}

/** What of the stream a node tells, and whether nothing was lost since the last look. */
export interface Heard {
  readonly stream: Pick<NodeRollout, 'stream' | 'message'>;
  readonly sound: boolean;
}

/** The audit log, while somebody wants to hear of it, and whether it is all there. */
export class Listener {
  readonly #parts: ListenerParts;
  readonly #onBatch: OnBatch;
  readonly #losses = new Losses();
  #audit: AuditLog | undefined;
  #openFrom = 0;
  #readSince = Number.POSITIVE_INFINITY;
  #tried = Promise.withResolvers<void>();
  #failure = 'it is not read yet';

  constructor(parts: ListenerParts, onBatch: OnBatch) {
    this.#parts = parts;
    this.#onBatch = onBatch;
  }

  /** Milliseconds since the epoch; what began before may have logged before. */
  get readSince(): number {
    return this.#readSince;
  }

  /** Waits until the log is read, or that has failed; not longer than so many milliseconds. */
  async ready(patience: number): Promise<void> {
    await waitFor(this.#tried.promise, patience);
  }

  async open(now: number): Promise<void> {
    if (this.#audit || now < this.#openFrom) return;
    const since = Date.now();
    try {
      const audit = await this.#parts.open(this.#onBatch);
      this.#audit = audit;
      this.#readSince = since;
      this.#losses.begin(audit.account());
      this.#parts.log.info({}, 'the audit log is read for profiles that are rolled out');
      void audit.ended.then((error) => this.#ended(audit, error));
    } catch (error) {
      this.#failed(error);
    }
    this.#tried.resolve();
  }

  async close(): Promise<void> {
    const audit = this.#audit;
    this.#audit = undefined;
    this.#readSince = Number.POSITIVE_INFINITY;
    this.#openFrom = 0;
    this.#tried = Promise.withResolvers();
    await audit?.[Symbol.asyncDispose]();
  }

  /** So many records were read that nobody can tell the profile of. */
  lost(records: number, now: number): void {
    this.#losses.add(records, now);
  }

  look(now: number): Heard {
    if (!this.#audit) return { stream: { stream: 'Down', message: this.#failure.slice(0, MOST_TEXT) }, sound: false };
    const sound = this.#losses.look(this.#audit.account(), now);
    const message = this.#losses.reason(now);
    if (message === undefined) return { stream: { stream: 'Alive' }, sound };
    return { stream: { stream: 'Lossy', message }, sound: false };
  }

  /** The log is read no more though nobody asked for that. */
  #ended(audit: AuditLog, error: unknown): void {
    if (this.#audit !== audit) return;
    this.#audit = undefined;
    this.#failed(error ?? new Error('it ended'));
    void audit[Symbol.asyncDispose]();
  }

  #failed(error: unknown): void {
    const { message, remedy } = error as SyscribeError;
    this.#parts.log.warn({ error }, 'the audit log cannot be read: what profiles would refuse is not seen');
    this.#failure = remedy === undefined ? message : `${message}. ${remedy}`;
    this.#openFrom = Date.now() + AGAIN;
    this.#readSince = Number.POSITIVE_INFINITY;
  }
}
