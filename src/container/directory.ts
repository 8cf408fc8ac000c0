import { LRUCache } from 'lru-cache';
import type { Container } from './container.ts';
import type { RuntimeClient } from './cri/client.ts';
import { runtimeEndpoints } from './cri/endpoints.ts';

const LIMIT = 10_000;
/** Milliseconds that the stream waits for answers, at most. */
const PATIENCE = 2000;
/** Milliseconds until a runtime that did not answer, or did not know a container, is asked again. */
const AGAIN = 10_000;
const AT_ONCE = 16;

interface Entry {
  /** Filled in once it is known: whoever holds it sees that. */
  readonly container: { -readonly [K in keyof Container]: Container[K] };
  /** Date.now() from which on it may be asked for; Infinity once it is known. */
  askFrom: number;
}

/** What containers are called, and which pods they are of: asked of the container runtimes once for each, when needed. */
export class ContainerDirectory implements Disposable {
  readonly #entries = new LRUCache<string, Entry>({ max: LIMIT });
  readonly #wanted = new Map<string, Entry>();
  readonly #runtimes = new Map<string, RuntimeClient>();
  readonly #away = new Map<string, number>();
  readonly #say: (line: string) => void;
  readonly #endpoints: () => string[];

  /** @param say is told once of each runtime that does not answer. */
  constructor(say: (line: string) => void, endpoints = runtimeEndpoints) {
    this.#say = say;
    this.#endpoints = endpoints;
  }

  /** The container of this id; what is not known of it yet comes in with complete(). */
  get(id: string): Container {
    let entry = this.#entries.get(id);
    if (!entry) {
      entry = { container: { id }, askFrom: 0 };
      this.#entries.set(id, entry);
    }
    if (entry.askFrom !== Number.POSITIVE_INFINITY && entry.askFrom <= Date.now()) this.#wanted.set(id, entry);
    return entry.container;
  }

  /** Asks for the containers that get() was called for and that are not known. Ends within two seconds. */
  async complete(): Promise<void> {
    if (this.#wanted.size === 0) return;
    const wanted = [...this.#wanted.values()];
    this.#wanted.clear();
    const now = Date.now();
    for (const entry of wanted) entry.askFrom = now + AGAIN;
    const deadline = now + PATIENCE;
    for (const endpoint of this.#endpoints()) {
      const missing = wanted.filter(({ askFrom }) => askFrom !== Number.POSITIVE_INFINITY);
      if (missing.length > 0 && (this.#away.get(endpoint) ?? 0) <= now) await this.#ask(endpoint, missing, deadline);
    }
  }

  [Symbol.dispose](): void {
    for (const runtime of this.#runtimes.values()) runtime[Symbol.dispose]();
  }

  async #ask(endpoint: string, entries: readonly Entry[], deadline: number): Promise<void> {
    const { RuntimeAway, RuntimeClient } = await import('./cri/client.ts');
    const runtime = this.#runtimes.get(endpoint) ?? new RuntimeClient(endpoint);
    this.#runtimes.set(endpoint, runtime);
    const left = entries.values();
    const unanswered = new Set(entries);
    const ask = async () => {
      for (const entry of left) {
        const found = await runtime.container(entry.container.id, deadline);
        unanswered.delete(entry);
        if (!found) continue;
        Object.assign(entry.container, found);
        entry.askFrom = Number.POSITIVE_INFINITY;
      }
    };
    const answers = await Promise.allSettled(Array.from({ length: AT_ONCE }, ask));
    const failure = answers.find((answer) => answer.status === 'rejected')?.reason;
    if (failure === undefined) return;
    if (!(failure instanceof RuntimeAway)) throw failure;
    if (unanswered.size < entries.length) {
      // It answers, but not all in time: the rest is asked for when it is needed again.
      for (const entry of unanswered) entry.askFrom = 0;
      return;
    }
    if (!this.#away.has(endpoint)) this.#say(`containers are told by id alone: ${endpoint}: ${failure.message}`);
    this.#away.set(endpoint, Date.now() + AGAIN);
  }
}
