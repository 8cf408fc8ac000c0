/** Time that only grows: waits and deadlines do not change when somebody sets the time of day. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Calls back once, so many milliseconds later; returns how to take that back. */
  timer(milliseconds: number, callback: () => void): () => void;
}

/** What setTimeout can wait at most; it waits a millisecond where asked for more. */
const LONGEST = 2 ** 31 - 1;

export const MONOTONIC: Clock = {
  now: () => performance.now(),
  timer: (milliseconds, callback) => {
    const timer = setTimeout(callback, Math.min(milliseconds, LONGEST));
    return () => clearTimeout(timer);
  },
};

/** Waits so long, or until `signal` aborts. */
export function sleep(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.timer(milliseconds, finish);
    signal.addEventListener('abort', finish);
    if (signal.aborted) finish();
  });
}

/** A signal that follows another and aborts by itself in time; disposed, it is let go of by both. */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal | undefined;
  readonly #follow = () => this.#controller.abort(this.#parent?.reason);
  readonly #cancel: () => void;

  /** @param reason what it aborts with by itself. */
  constructor(milliseconds: number, reason: () => Error, parent?: AbortSignal, clock = MONOTONIC) {
    this.#parent = parent;
    this.#cancel = clock.timer(milliseconds, () => this.#controller.abort(reason()));
    parent?.addEventListener('abort', this.#follow);
    if (parent?.aborted) this.#follow();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on it only follows. */
  lift(): void {
    this.#cancel();
  }

  [Symbol.dispose](): void {
    this.#cancel();
    this.#parent?.removeEventListener('abort', this.#follow);
  }
}

/** Waits for a promise that cannot be told to stop; it goes on unheard after an abort. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
