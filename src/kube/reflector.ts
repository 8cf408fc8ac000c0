import { type Backoff, delayOf, jittered } from './backoff.ts';
import type { KubeClient, Selection } from './client.ts';
import { type Clock, Deadline, MONOTONIC, sleep } from './clock.ts';
import { isKube, isUnanswered, KubeError } from './errors.ts';
import type { Log } from './log.ts';
import { type KubeObject, keyOf, pathOf, type Resource } from './object.ts';
import { type Listener, Store } from './store.ts';

const BACKOFF: Backoff = { base: 800, cap: 30_000 };
/** The server is asked to end each watch within this time, at random so that all do not come back at once. */
const WATCH_SECONDS = { min: 300, max: 600 };
/** Milliseconds beyond that after which the connection counts as dead: the other end is away and did not say so. */
const SLACK = 30_000;

interface Components {
  readonly client: Pick<KubeClient, 'pages' | 'watch' | 'onReturn'>;
  readonly resource: Resource;
  readonly log?: Log;
}

export interface InformerSettings<T extends KubeObject> extends Selection {
  /**
   * Makes what is kept of an object: leave out what is not needed, but `metadata.uid` and `resourceVersion`. `managedFields`
   * never stay.
   */
  readonly transform?: (raw: KubeObject) => T;
  readonly clock?: Clock;
}

/**
 * A copy of the objects of a type that follows the API server: listed page by page, then watched, for as long as run() goes on,
 * whatever happens to the server and the way there. What was missed meanwhile is told as if it happened behind the next list.
 */
export class Informer<T extends KubeObject = KubeObject> {
  /** Settled when all that there was has been told once; rejected when run() ends before. */
  readonly synced: Promise<void>;
  readonly #store = new Store<T>();
  readonly #client: Components['client'];
  readonly #resource: Resource;
  readonly #log: Log | undefined;
  readonly #selection: Selection;
  readonly #transform: (raw: KubeObject) => T;
  readonly #clock: Clock;
  readonly #sync = Promise.withResolvers<void>();
  #version: string | undefined;
  #failures = 0;
  /** The list became too old between two of its pages. */
  #expired = false;
  #connected = false;
  #lastSeen: number | undefined;

  constructor(
    { client, resource, log }: Components,
    { transform = (raw) => raw as T, clock = MONOTONIC, ...selection }: InformerSettings<T> = {},
  ) {
    this.#client = client;
    this.#resource = resource;
    this.#log = log;
    this.#selection = selection;
    this.#transform = transform;
    this.#clock = clock;
    this.synced = this.#sync.promise;
    this.synced.catch(() => {
      // Not everybody waits for it; run() tells what went wrong.
    });
  }

  get size(): number {
    return this.#store.size;
  }

  /** Whether a watch is open. */
  get connected(): boolean {
    return this.#connected;
  }

  /** When the server was heard last, on the clock of the settings. */
  get lastSeen(): number | undefined {
    return this.#lastSeen;
  }

  get(key: string): T | undefined {
    return this.#store.get(key);
  }

  list(): IterableIterator<T> {
    return this.#store.list();
  }

  /** What is there already is not told again; returns how to stop listening. */
  onChange(listener: Listener<T>): () => void {
    return this.#store.onChange(listener);
  }

  /**
   * Ends when `signal` aborts.
   * @throws what a listener or `transform` throws, and nothing else.
   */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) await this.#round(signal);
    } catch (error) {
      this.#sync.reject(error);
      throw error;
    } finally {
      this.#sync.reject(signal.reason);
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    let failure: KubeError | undefined;
    const fresh = this.#version === undefined;
    try {
      if (fresh) await this.#list(signal);
      const began = this.#clock.now();
      await this.#watch(signal);
      // The server ended it, as asked. One that ends it at once has trouble, whatever it told before.
      if (this.#clock.now() - began >= BACKOFF.cap) {
        this.#failures = 0;
        return;
      }
    } catch (error) {
      if (error instanceof Thrown) throw error.cause;
      if (signal.aborted) return;
      if (!isKube(error)) throw error;
      if (error.kind === 'gone') {
        this.#version = undefined;
        // The server is there and well, and what it needs is another list: behind an outage, each watch hears this first.
        if (!fresh) this.#failures = 0;
      }
      failure = error;
    }
    this.#failures += 1;
    const milliseconds = Math.max(failure?.retryAfter ?? 0, jittered(delayOf(BACKOFF, this.#failures)));
    this.#log?.warn({ path: this.#path, error: failure, retryIn: Math.round(milliseconds) }, 'watch interrupted');
    // What was answered counts; only who reached nobody asks again as soon as somebody is there.
    if (isUnanswered(failure)) await this.#untilReturn(milliseconds, signal);
    else await sleep(this.#clock, milliseconds, signal);
  }

  /** Waits so long, or until the server is back. */
  async #untilReturn(milliseconds: number, signal: AbortSignal): Promise<void> {
    const back = new AbortController();
    const forget = this.#client.onReturn(() => {
      this.#failures = 0;
      back.abort();
    });
    try {
      await sleep(this.#clock, milliseconds, AbortSignal.any([signal, back.signal]));
    } finally {
      forget();
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const gone = new Set(this.#store.keys());
    // A list that lasts longer than versions are kept is never got by pages.
    const limit = this.#expired ? { limit: 0 } : {};
    let version = '';
    try {
      for await (const page of this.#client.pages(this.#resource, { ...this.#selection, ...limit, signal })) {
        this.#heard();
        for (const item of page.items) gone.delete(this.#put(item));
        version = page.resourceVersion;
      }
    } catch (error) {
      this.#expired = isKube(error, 'gone');
      throw error;
    }
    this.#expired = false;
    for (const key of gone) this.#remove(key);
    this.#version = version;
    this.#sync.resolve();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { min, max } = WATCH_SECONDS;
    const timeoutSeconds = Math.round(min + Math.random() * (max - min));
    const dead = () => new KubeError('retryable', `watch of ${this.#path}: not ended by the server in time`);
    using deadline = new Deadline(timeoutSeconds * 1000 + SLACK, dead, signal, this.#clock);
    const opened = () => {
      this.#connected = true;
      this.#heard();
    };
    const options = { resourceVersion: this.#version ?? '', timeoutSeconds, signal: deadline.signal, opened };
    try {
      for await (const { type, object } of this.#client.watch(this.#resource, { ...this.#selection, ...options })) {
        this.#heard();
        if (type === 'DELETED') this.#remove(keyOf(object));
        else if (type !== 'BOOKMARK') this.#put(object);
        this.#version = object.metadata.resourceVersion ?? this.#version;
        this.#failures = 0;
      }
    } finally {
      this.#connected = false;
    }
  }

  #put(raw: KubeObject): string {
    const key = keyOf(raw);
    Reflect.deleteProperty(raw.metadata, 'managedFields');
    ours(() => this.#store.put(key, this.#transform(raw)));
    return key;
  }

  #remove(key: string): void {
    ours(() => this.#store.remove(key));
  }

  #heard(): void {
    this.#lastSeen = this.#clock.now();
  }

  get #path(): string {
    return pathOf(this.#resource, { namespace: this.#selection.namespace });
  }
}

/** What a listener or `transform` threw, which may look like a failed request. */
class Thrown extends Error {}

function ours(call: () => void): void {
  try {
    call();
  } catch (cause) {
    throw new Thrown('', { cause });
  }
}
