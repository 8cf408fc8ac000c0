import { LRUCache } from 'lru-cache';
import type { EnrichedEvent } from '../../stream/event.ts';

/** Containers that are counted for at once: more than any node runs. */
const MOST = 2048;
/** Different calls of one container: more than all tables of a machine have together. */
const MOST_CALLS = 2048;
/** Actions after which the kernel has not made the call. */
const DENYING: readonly string[] = ['errno', 'trap', 'kill_thread', 'kill_process'];

/** A call that was logged, of one container, since the last look. */
export interface Sighting {
  readonly syscall: string;
  /** It was made. */
  readonly made: boolean;
  readonly count: number;
  /** ISO 8601. */
  readonly last: string;
}

/** What the log tells of containers by their ids, until it is asked for. */
export class Sightings {
  /** Events that had no room. */
  lost = 0;
  readonly #containers = new LRUCache<string, Map<string, Sighting>>({
    max: MOST,
    dispose: (calls, _id, reason) => {
      if (reason === 'evict') this.lost += sumOf(calls.values());
    },
  });

  add({ container, seccomp, time }: EnrichedEvent): void {
    if (!container || !seccomp) return;
    const made = seccomp.action === 'log';
    if (!made && !DENYING.includes(seccomp.action)) return;
    const syscall = seccomp.syscall ?? `${seccomp.arch}:${seccomp.number}`;
    const calls = this.#containers.get(container.id) ?? new Map<string, Sighting>();
    const key = `${made} ${syscall}`;
    const count = (calls.get(key)?.count ?? 0) + 1;
    if (count === 1 && calls.size >= MOST_CALLS) {
      this.lost += 1;
      return;
    }
    calls.set(key, { syscall, made, count, last: time });
    this.#containers.set(container.id, calls);
  }

  ids(): string[] {
    return [...this.#containers.keys()];
  }

  /** What was seen of a container, which begins anew. */
  take(id: string): Sighting[] {
    const calls = [...(this.#containers.get(id)?.values() ?? [])];
    this.#containers.delete(id);
    return calls;
  }

  clear(): void {
    this.#containers.clear();
  }
}

export function sumOf(sightings: Iterable<Sighting>): number {
  let sum = 0;
  for (const { count } of sightings) sum += count;
  return sum;
}
