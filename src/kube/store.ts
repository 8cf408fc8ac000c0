import type { KubeObject } from './object.ts';

/**
 * Told of each change behind the change: `now` is undefined for one that is gone, `before` for a new one. An object that
 * another of the same name has replaced is told as gone first.
 */
export type Listener<T> = (key: string, now: T | undefined, before: T | undefined) => void;

/** The objects of an informer, by key. */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #listeners = new Set<Listener<T>>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): IterableIterator<T> {
    return this.#objects.values();
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  onChange(listener: Listener<T>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  put(key: string, now: T): void {
    const { uid, resourceVersion } = now.metadata;
    const present = this.#objects.get(key);
    if (present && present.metadata.uid !== uid) this.remove(key);
    const before = this.#objects.get(key);
    if (before && resourceVersion !== undefined && before.metadata.resourceVersion === resourceVersion) return;
    this.#objects.set(key, now);
    this.#tell(key, now, before);
  }

  remove(key: string): void {
    const before = this.#objects.get(key);
    if (before === undefined) return;
    this.#objects.delete(key);
    this.#tell(key, undefined, before);
  }

  #tell(key: string, now: T | undefined, before: T | undefined): void {
    for (const listener of this.#listeners) listener(key, now, before);
  }
}
