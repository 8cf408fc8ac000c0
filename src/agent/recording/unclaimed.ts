import type { RecordedContainer } from '../../recording/ebpf/node-recorder.ts';

/**
 * Containers that nobody is known to want, or whose pods were not told of before they ended. Watches may be behind, and the
 * mirror of a static pod that ran while the API server was away is made behind its end; but slots are not kept for that once
 * they get scarce.
 */
export class Orphans {
  /** By slot: which use of it, and since when it waits. */
  readonly #waiting = new Map<number, { readonly generation: number; readonly since: number }>();

  /**
   * Whether nothing more will be told of a container; it is asked again and again.
   * @param patience milliseconds, while news could come.
   * @param connected whether it could.
   */
  isLost({ slot, generation }: RecordedContainer, patience: number, connected: boolean, scarce: boolean): boolean {
    const before = this.#waiting.get(slot);
    const since = before?.generation === generation && connected ? before.since : Date.now();
    const lost = scarce || (connected && Date.now() - since >= patience);
    if (lost) this.#waiting.delete(slot);
    else this.#waiting.set(slot, { generation, since });
    return lost;
  }
}
