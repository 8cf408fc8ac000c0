import { RequestError } from './http.ts';

/** Who sends less than this in that time is cut off where others wait: the API server sends a body at once. */
const STALL = { bytes: 64 * 2 ** 10, milliseconds: 250 } as const;

interface Waiting {
  readonly hold: Hold;
  readonly bytes: number;
  readonly go: () => void;
  readonly refuse: () => void;
}

/**
 * Memory that requests share: each takes what it is about to need, and gives all back at its end. It is taken as bytes
 * arrive, not as they are announced, so that a slow client holds what it has sent and no more.
 */
export class Budget {
  readonly #bytes: number;
  readonly #patience: number;
  readonly #holds = new Set<Hold>();
  readonly #queue = new Set<Waiting>();
  #taken = 0;

  /** @param patience milliseconds that a request waits. */
  constructor(bytes: number, patience: number) {
    this.#bytes = bytes;
    this.#patience = patience;
  }

  /** @param clock milliseconds, from any time on. */
  hold(clock: () => number = () => performance.now()): Hold {
    const hold = new Hold({
      take: (bytes) => this.#take(hold, bytes),
      give: (bytes) => this.#give(hold, bytes),
      clock,
    });
    this.#holds.add(hold);
    return hold;
  }

  /** @throws RequestError 413 where there is never so much, 503 where there is not in time. */
  async #take(hold: Hold, bytes: number): Promise<void> {
    if (bytes > this.#bytes) throw new RequestError(413, 'the request needs more memory than there is for all');
    if (this.#queue.size === 0 && this.#taken + bytes <= this.#bytes) {
      this.#taken += bytes;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const refuse = () => {
      // At once: what is given back before it has woken up is not for it.
      this.#queue.delete(waiting);
      reject(new RequestError(503, 'there are too many requests at once: try again'));
    };
    const waiting: Waiting = { hold, bytes, go: resolve, refuse };
    this.#queue.add(waiting);
    const relief = setInterval(() => this.#relieve(), STALL.milliseconds / 2);
    const late = setTimeout(refuse, this.#patience);
    try {
      this.#relieve();
      await promise;
    } finally {
      clearInterval(relief);
      clearTimeout(late);
      this.#queue.delete(waiting);
      // It was perhaps the one that did not fit before others that do.
      this.#serve();
    }
  }

  #give(hold: Hold, bytes: number): void {
    this.#holds.delete(hold);
    this.#taken -= bytes;
    this.#serve();
  }

  /** The first comes first, so that small requests do not keep a large one waiting for ever. */
  #serve(): void {
    for (const waiting of this.#queue) {
      if (this.#taken + waiting.bytes > this.#bytes) return;
      this.#taken += waiting.bytes;
      this.#queue.delete(waiting);
      waiting.go();
    }
  }

  #relieve(): void {
    for (const hold of this.#holds) if (hold.isStalled()) hold.cutOff();
    // Where all that hold something wait for more, nothing is ever given back: the last of them is refused that needs more
    // than its share, so that a small request is not refused for those that hold much.
    const waiting = [...this.#queue];
    const holds = new Set(waiting.map(({ hold }) => hold));
    if (![...this.#holds].every((hold) => hold.bytes === 0 || holds.has(hold))) return;
    const share = this.#bytes / waiting.length;
    waiting.findLast(({ hold, bytes }) => hold.bytes + bytes > share)?.refuse();
  }
}

interface Source {
  take(bytes: number): Promise<void>;
  give(bytes: number): void;
  clock(): number;
}

/** What one request has of a budget. */
export class Hold implements Disposable {
  readonly #source: Source;
  readonly #cut = Promise.withResolvers<never>();
  #bytes = 0;
  /** Since when the client has been waited for, and what it has sent since. */
  #since: number | undefined;
  #sent = 0;

  constructor(source: Source) {
    this.#source = source;
    this.#cut.promise.catch(() => {});
  }

  /** @throws RequestError 413, 503 */
  async take(bytes: number): Promise<void> {
    this.#since = undefined;
    await this.#source.take(bytes);
    this.#bytes += bytes;
  }

  /**
   * Waits for the client.
   * @param size how many bytes it has sent, or taken, by that.
   * @throws RequestError 408 where it is too slow and others wait.
   */
  async client<T>(promise: Promise<T>, size: (value: T) => number): Promise<T> {
    if (this.#since === undefined) this.#restart();
    const value = await Promise.race([promise, this.#cut.promise]);
    this.#sent += size(value);
    if (this.#sent >= STALL.bytes) this.#restart();
    return value;
  }

  #restart(): void {
    this.#since = this.#source.clock();
    this.#sent = 0;
  }

  /** What is waited for is not the client any more. */
  ours(): void {
    this.#since = undefined;
  }

  get bytes(): number {
    return this.#bytes;
  }

  isStalled(): boolean {
    return this.#since !== undefined && this.#source.clock() - this.#since >= STALL.milliseconds;
  }

  cutOff(): void {
    this.#cut.reject(new RequestError(408, 'the request came too slowly while others waited'));
  }

  [Symbol.dispose](): void {
    this.#source.give(this.#bytes);
    this.#bytes = 0;
  }
}
