import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type Backoff, delayOf, jittered } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { type Clock, MONOTONIC, sleep } from './clock.ts';
import { isKube } from './errors.ts';
import { EVENTS } from './object.ts';

const MESSAGE_LIMIT = 1024; // bytes, the API server's
/** Different events, and objects, that are remembered. */
const REMEMBERED = 4096;
const QUEUE_LIMIT = 1000;
/** As many at once of one object, and then one in so many milliseconds; client-go has the same limits. */
const BURST = 25;
const REFILL = 300_000;
const ATTEMPTS = 5;
const BACKOFF: Backoff = { base: 1000, cap: 10_000 };

/** What an event is about. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly fieldPath?: string;
}

export type EventType = 'Normal' | 'Warning';

interface Occurrence {
  readonly regarding: Regarding;
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
  readonly first: string;
  last: string;
  count: number;
}

interface Known {
  readonly namespace: string;
  readonly name: string;
  count: number;
}

interface Settings {
  readonly component: string;
  readonly host?: string;
  /** For events about objects without one; the API server takes `default` and `kube-system` there. */
  readonly namespace?: string;
  readonly clock?: Clock;
}

/**
 * Tells users what happened to an object, as `kubectl describe` shows it. An event is a courtesy: whoever calls never waits and
 * never fails; what could not be sent is counted.
 */
export class EventRecorder implements AsyncDisposable {
  readonly #client: Pick<KubeClient, 'create' | 'patch'>;
  readonly #settings: Required<Omit<Settings, 'host'>> & { readonly host: string | undefined };
  /** By everything but time: the same again adds to the count. */
  readonly #waiting = new Map<string, Occurrence>();
  readonly #known = new LRUCache<string, Known>({ max: REMEMBERED });
  readonly #tokens = new LRUCache<string, { left: number; at: number }>({ max: REMEMBERED });
  readonly #closing = new AbortController();
  #sending: Promise<void> | undefined;
  #sent = 0;
  #failed = 0;
  #dropped = 0;

  constructor(
    client: Pick<KubeClient, 'create' | 'patch'>,
    { component, host, namespace = 'default', clock = MONOTONIC }: Settings,
  ) {
    this.#client = client;
    this.#settings = { component, host, namespace, clock };
  }

  /** Requests that worked, that were given up, and events that were too many. */
  get stats() {
    return { waiting: this.#waiting.size, sent: this.#sent, failed: this.#failed, dropped: this.#dropped };
  }

  event(regarding: Regarding, type: EventType, reason: string, message: string): void {
    const { apiVersion, kind, namespace, name, uid } = regarding;
    const object = JSON.stringify([apiVersion, kind, namespace, name, uid]);
    const key = JSON.stringify([object, regarding.fieldPath, type, reason, message]);
    const last = new Date().toISOString().replace(/\.\d+/, '');
    const waiting = this.#waiting.get(key);
    if (waiting) {
      waiting.count += 1;
      waiting.last = last;
    } else if (this.#closing.signal.aborted || this.#waiting.size >= QUEUE_LIMIT || !this.#allows(object))
      this.#dropped += 1;
    else {
      const text = shortened(message, MESSAGE_LIMIT);
      this.#waiting.set(key, { regarding, type, reason, message: text, first: last, last, count: 1 });
      this.#sending ??= this.#sendAll();
    }
  }

  /** Waits until all is sent or given up, or `signal` aborts. */
  async flush(signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = () => resolve();
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    await Promise.race([promise, this.#sending]);
    signal?.removeEventListener('abort', stop);
  }

  /** Gives up what waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#sending;
  }

  #allows(object: string): boolean {
    const now = this.#settings.clock.now();
    const { left, at } = this.#tokens.get(object) ?? { left: BURST, at: now };
    const tokens = Math.min(BURST, left + (now - at) / REFILL);
    this.#tokens.set(object, { left: tokens >= 1 ? tokens - 1 : tokens, at: now });
    return tokens >= 1;
  }

  async #sendAll(): Promise<void> {
    // Not before the caller has gone on: the same event told twice in a row is one request.
    await Promise.resolve();
    for (const [key, occurrence] of this.#waiting) {
      this.#waiting.delete(key);
      if (await this.#deliver(key, occurrence)) this.#sent += 1;
      else this.#failed += 1;
    }
    this.#sending = undefined;
  }

  async #deliver(key: string, occurrence: Occurrence): Promise<boolean> {
    const { signal } = this.#closing;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await this.#send(key, occurrence, signal);
        return true;
      } catch (error) {
        if (!isKube(error, 'retryable', 'throttled') || attempt === ATTEMPTS) return false;
        const milliseconds = Math.max(error.retryAfter ?? 0, jittered(delayOf(BACKOFF, attempt)));
        await sleep(this.#settings.clock, milliseconds, signal);
      }
    }
    return false;
  }

  async #send(key: string, occurrence: Occurrence, signal: AbortSignal): Promise<void> {
    const known = this.#known.get(key);
    if (known) {
      const count = known.count + occurrence.count;
      try {
        const patch = { count, lastTimestamp: occurrence.last };
        await this.#client.patch(EVENTS, known, patch, { type: 'merge', signal });
        known.count = count;
        return;
      } catch (error) {
        // The API server forgets events after an hour.
        if (!isKube(error, 'notFound')) throw error;
      }
    }
    const event = this.#describe(occurrence);
    await this.#client.create(EVENTS, event, { signal });
    const { name } = event.metadata;
    this.#known.set(key, { namespace: event.metadata.namespace, name, count: occurrence.count });
  }

  #describe({ regarding, type, reason, message, first, last, count }: Occurrence) {
    const { component, host, namespace } = this.#settings;
    const metadata = { namespace: regarding.namespace ?? namespace, name: nameFor(regarding.name) };
    return {
      metadata,
      involvedObject: regarding,
      type,
      reason,
      message,
      count,
      firstTimestamp: first,
      lastTimestamp: last,
      source: { component, host },
      reportingComponent: component,
      reportingInstance: host ?? '',
    };
  }
}

/** A name of at most 253 characters whose parts end in a letter or digit. */
function nameFor(object: string): string {
  return `${object.slice(0, 230).replace(/[^a-z0-9]+$/, '')}.${randomBytes(8).toString('hex')}`;
}

/** At most so many bytes of UTF-8; whole characters. */
function shortened(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return text;
  const mark = '…';
  let end = limit - Buffer.byteLength(mark);
  // Bytes 10xxxxxx stand within a character.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.subarray(0, end)}${mark}`;
}
