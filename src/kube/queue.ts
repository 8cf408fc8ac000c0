import { type Backoff, delayOf } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { type Clock, MONOTONIC } from './clock.ts';
import { isKube, isUnanswered } from './errors.ts';

const BACKOFF: Backoff = { base: 5, cap: 1_000_000 };

/** Trying again would not help: what it is about has to change first. */
export class TerminalError extends Error {}

export type Worker = (
  key: string,
  options: { readonly signal: AbortSignal },
) => Promise<Again | undefined> | Promise<void>;

export interface Again {
  /** Milliseconds until the key is due anyway. */
  readonly requeueAfter?: number;
}

export interface Failure {
  readonly key: string;
  /** In a row. */
  readonly failures: number;
  /** Milliseconds; undefined where it is not tried again. */
  readonly retryIn: number | undefined;
}

export interface QueueSettings {
  /** Told of every failure, once: the place to log it. What it throws ends run(). */
  readonly onError: (error: unknown, failure: Failure) => void;
  readonly concurrency?: number;
  readonly backoff?: Backoff;
  readonly clock?: Clock;
  /** Whom the worker asks: keys that failed since nobody answered are due as soon as the server is back. */
  readonly client?: Pick<KubeClient, 'onReturn'>;
}

/**
 * Keys to be worked on. One that is added while it waits is worked on once; one that is added while it is worked on, once
 * more behind that, and never twice at the same time. It is bounded by the number of keys that there are.
 */
export class WorkQueue {
  readonly #worker: Worker;
  readonly #onError: QueueSettings['onError'];
  readonly #concurrency: number;
  readonly #backoff: Backoff;
  readonly #clock: Clock;
  readonly #client: QueueSettings['client'];
  /** Waiting, in the order of their coming. */
  readonly #ready = new Set<string>();
  readonly #active = new Set<string>();
  /** Of those that are worked on: what was added meanwhile. */
  readonly #dirty = new Set<string>();
  readonly #delayed = new Map<string, { readonly due: number; readonly cancel: () => void }>();
  readonly #failures = new Map<string, number>();
  /** Of these, what nobody answered. */
  readonly #unanswered = new Set<string>();
  readonly #idle: (() => void)[] = [];
  #stopped = false;
  #done = 0;
  #failed = 0;

  constructor(
    worker: Worker,
    { onError, concurrency = 1, backoff = BACKOFF, clock = MONOTONIC, client }: QueueSettings,
  ) {
    this.#worker = worker;
    this.#onError = onError;
    this.#concurrency = concurrency;
    this.#backoff = backoff;
    this.#clock = clock;
    this.#client = client;
  }

  /** Sizes now, and how often a key was worked on with and without success so far. */
  get stats() {
    return {
      ready: this.#ready.size + this.#dirty.size,
      active: this.#active.size,
      delayed: this.#delayed.size,
      failing: this.#failures.size,
      done: this.#done,
      failed: this.#failed,
    };
  }

  /** Without effect behind the end of run(). */
  add(key: string): void {
    if (this.#stopped) return;
    if (this.#active.has(key)) this.#dirty.add(key);
    else this.#ready.add(key);
    this.#idle.shift()?.();
  }

  /** Adds it later; of several times the first counts. */
  addAfter(key: string, milliseconds: number): void {
    if (this.#stopped) return;
    const due = this.#clock.now() + milliseconds;
    const present = this.#delayed.get(key);
    if (present && present.due <= due) return;
    present?.cancel();
    const cancel = this.#clock.timer(milliseconds, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { due, cancel });
  }

  /** Works until `signal` aborts, and then until what was begun has ended; it runs once. */
  async run(signal: AbortSignal): Promise<void> {
    const own = new AbortController();
    const stop = () => {
      this.#stopped = true;
      for (const { cancel } of this.#delayed.values()) cancel();
      this.#delayed.clear();
      own.abort(signal.reason);
      for (const wake of this.#idle.splice(0)) wake();
    };
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    const workers = Array.from({ length: this.#concurrency }, async () => {
      try {
        await this.#work(own.signal);
      } finally {
        stop();
      }
    });
    const forget = this.#client?.onReturn(() => this.#again());
    const ends = await Promise.allSettled(workers);
    forget?.();
    signal.removeEventListener('abort', stop);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  /** What nobody answered is due now, as if it had never failed. */
  #again(): void {
    for (const key of this.#unanswered) {
      this.#failures.delete(key);
      this.#delayed.get(key)?.cancel();
      this.#delayed.delete(key);
      this.add(key);
    }
    this.#unanswered.clear();
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const next = this.#ready.values().next();
      if (next.done) {
        await new Promise<void>((wake) => this.#idle.push(wake));
        continue;
      }
      const key = next.value;
      this.#ready.delete(key);
      this.#active.add(key);
      try {
        await this.#once(key, signal);
      } finally {
        this.#active.delete(key);
        if (this.#dirty.delete(key)) this.add(key);
      }
    }
  }

  async #once(key: string, signal: AbortSignal): Promise<void> {
    this.#unanswered.delete(key);
    try {
      const again = await this.#worker(key, { signal });
      this.#done += 1;
      this.#failures.delete(key);
      if (again?.requeueAfter !== undefined) this.addAfter(key, again.requeueAfter);
    } catch (error) {
      // It was told to stop, and did.
      if (signal.aborted && error === signal.reason) return;
      this.#failed += 1;
      const failures = (this.#failures.get(key) ?? 0) + 1;
      const retryIn = isTerminal(error) ? undefined : this.#delay(error, failures);
      if (retryIn === undefined) this.#failures.delete(key);
      else {
        this.#failures.set(key, failures);
        if (isUnanswered(error)) this.#unanswered.add(key);
        this.addAfter(key, retryIn);
      }
      this.#onError(error, { key, failures, retryIn });
    }
  }

  #delay(error: unknown, failures: number): number {
    return Math.max(delayOf(this.#backoff, failures), isKube(error) ? (error.retryAfter ?? 0) : 0);
  }
}

/** Not "forbidden": rights are given later, and a namespace that is being deleted answers so too. */
function isTerminal(error: unknown): boolean {
  return error instanceof TerminalError || isKube(error, 'invalid', 'terminal');
}
