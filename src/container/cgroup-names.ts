import { LRUCache } from 'lru-cache';
import { containerOfName } from './names.ts';

const LIMIT = 100_000;

/** Which cgroup belongs to which container, by the kernel's ids; cgroups that are gone are remembered for a while. */
export class CgroupNames {
  readonly #containers = new LRUCache<number, { readonly container: string | undefined }>({ max: LIMIT });

  /** A cgroup of this name was made in another, or found there. */
  add(id: number, parent: number, name: string): void {
    const container = this.#containers.get(parent)?.container ?? containerOfName(name);
    this.#containers.set(id, { container });
  }

  /** The container that a cgroup belongs to, as `{container}`, undefined inside for the host's; undefined if not known. */
  get(id: number): { readonly container: string | undefined } | undefined {
    return this.#containers.get(id);
  }
}
