import type { RecordedContainer } from '../recording/node-recorder.ts';

/** So long a container that has ended waits for its pod to be told of, milliseconds, while the API server could tell it. */
const PATIENCE = 60_000;

/**
 * Containers that ended before their pods were told of. The watch of pods may be behind, and the mirror of a static pod that
 * ran while the API server was away is made behind its end; but slots are not kept for that once they get scarce.
 */
export class Orphans {
  /** By slot: which use of it, and since when it waits. */
  readonly #waiting = new Map<number, { readonly generation: number; readonly since: number }>();
  #lost = 0;

  /** Of how many nobody ever told whose they were. */
  get lost(): number {
    return this.#lost;
  }

  /**
   * Whether nobody will ever tell whose this container was; it is asked again and again.
   * @param connected whether news of pods could come.
   */
  isLost({ slot, generation }: RecordedContainer, connected: boolean, scarce: boolean): boolean {
    const before = this.#waiting.get(slot);
    const since = before?.generation === generation && connected ? before.since : Date.now();
    const lost = scarce || Date.now() - since > PATIENCE;
    if (lost) {
      this.#waiting.delete(slot);
      this.#lost += 1;
    } else this.#waiting.set(slot, { generation, since });
    return lost;
  }
}
