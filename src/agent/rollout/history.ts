import { readFileSync } from 'node:fs';
import type { Log } from '../../kube/log.ts';
import { writeFileAtomic } from '../../platform/files.ts';
import type { Placement } from './install-history.ts';

const VERSION = 1;

/** Of one profile, on this node. */
export interface Kept {
  /** The profile itself: names are used again. */
  readonly uid: string;
  readonly placements: readonly Placement[];
  /** Containers whose start was seen under what is audited now, and that are still known. */
  readonly seen: readonly string[];
}

/** What has to outlive this process of profiles that are rolled out, by KIND/NAME: they are few. */
export class RolloutHistory {
  readonly #path: string;
  readonly #log: Log;
  readonly #profiles = new Map<string, Kept>();
  #failing = false;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
    try {
      const { version, profiles } = JSON.parse(readFileSync(path, 'utf8'));
      if (version === VERSION) this.#profiles = new Map(Object.entries<Kept>(profiles));
    } catch (error) {
      // Without it, what runs began with something that cannot be told, and is told so.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        log.warn({ error }, 'what profiles containers began with cannot be told');
    }
  }

  of(key: string, uid: string): Kept {
    const kept = this.#profiles.get(key);
    return kept?.uid === uid ? kept : { uid, placements: [], seen: [] };
  }

  keys(): string[] {
    return [...this.#profiles.keys()];
  }

  put(key: string, kept: Kept): void {
    if (JSON.stringify(this.#profiles.get(key)) === JSON.stringify(kept)) return;
    this.#profiles.set(key, kept);
    this.#write();
  }

  remove(key: string): void {
    if (this.#profiles.delete(key)) this.#write();
  }

  #write(): void {
    try {
      const profiles = Object.fromEntries(this.#profiles);
      writeFileAtomic(this.#path, JSON.stringify({ version: VERSION, profiles }), 0o600);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#log.warn({ error }, 'with what profiles containers began cannot be kept');
      this.#failing = true;
    }
  }
}
