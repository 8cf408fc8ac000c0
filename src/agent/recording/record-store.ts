import { LRUCache } from 'lru-cache';
import type { ContainerRecord } from './container-record.ts';
import type { Journal } from './journal.ts';

const MOST_HANDED_IN = 4096;

/** The records of this node, in memory and on disk; whoever shows them is told of each change. */
export class Records {
  readonly #journal: Journal;
  readonly #all = new Map<string, ContainerRecord>();
  /** Not on disk as they are. */
  readonly #unwritten = new Set<string>();
  /** Runs of records that are forgotten: the kernel may still have them. */
  readonly #handedIn = new LRUCache<string, true>({ max: MOST_HANDED_IN });
  readonly #changed: (record: ContainerRecord) => void;

  constructor(journal: Journal, changed: (record: ContainerRecord) => void) {
    this.#journal = journal;
    this.#changed = changed;
  }

  /** Takes over what an earlier process left. */
  load(complain: (line: string) => void): void {
    for (const record of this.#journal.load(complain)) {
      this.#all.set(record.id, record);
      this.#changed(record);
    }
  }

  get(id: string): ContainerRecord | undefined {
    return this.#all.get(id);
  }

  list(): ContainerRecord[] {
    return [...this.#all.values()];
  }

  get size(): number {
    return this.#all.size;
  }

  /** @returns whether it is on disk: until then, the kernel has to keep what it is made of. */
  put(record: ContainerRecord): boolean {
    if (this.#all.get(record.id) === record && !this.#unwritten.has(record.id)) return true;
    const news = this.#all.get(record.id) !== record;
    this.#all.set(record.id, record);
    const written = this.#journal.put(record);
    if (written) this.#unwritten.delete(record.id);
    else this.#unwritten.add(record.id);
    if (news) this.#changed(record);
    return written;
  }

  /** As {@link put}; a look that found nothing new writes nothing. */
  update(before: ContainerRecord, after: ContainerRecord): boolean {
    const same = this.#all.get(before.id) === before && JSON.stringify(before) === JSON.stringify(after);
    return this.put(same ? before : after);
  }

  /** Tries again what could not be written: a disk that was full may have room by now. */
  writeAgain(): void {
    for (const id of this.#unwritten) {
      const record = this.#all.get(id);
      if (record) this.put(record);
    }
  }

  /** Whether what a container did is on disk, as far as anybody wants it. */
  areWritten(podUid: string, container: string): boolean {
    const those = this.list().filter((one) => one.pod.uid === podUid && one.container === container);
    return those.every(({ id }) => !this.#unwritten.has(id));
  }

  /** Whether a run of a container was part of a record that is not needed any more. */
  wasHandedIn(id: string, containerId: string): boolean {
    return this.#handedIn.has(`${id}/${containerId}`);
  }

  published(id: string, object: { name: string; uid: string }): void {
    const record = this.#all.get(id);
    if (record) this.put({ ...record, published: object });
  }

  /** Somebody deleted what it was published as. */
  refused(id: string): void {
    const record = this.#all.get(id);
    if (record) this.put({ ...record, refused: true });
  }

  remove(id: string): void {
    for (const containerId of this.#all.get(id)?.ended ?? []) this.#handedIn.set(`${id}/${containerId}`, true);
    this.#all.delete(id);
    this.#unwritten.delete(id);
    this.#journal.remove(id);
  }
}
