import { keyOf } from '../../kube/object.ts';
import type { Informer } from '../../kube/reflector.ts';
import type { PodObject } from './cluster.ts';

/** Which of this node's pods use which profiles. */
export class Usage {
  readonly #pods = new Map<string, Set<string>>();

  /** @param changed told of each reference whose pods are others now. */
  constructor(pods: Pick<Informer<PodObject>, 'onChange'>, changed: (reference: string) => void) {
    pods.onChange((key, now, before) => {
      const [uses, used] = [new Set(now?.uses), new Set(before?.uses)];
      for (const reference of [...used].filter((one) => !uses.has(one))) {
        const users = this.#pods.get(reference);
        users?.delete(key);
        if (users?.size === 0) this.#pods.delete(reference);
        changed(reference);
      }
      for (const reference of [...uses].filter((one) => !used.has(one))) {
        this.#pods.set(reference, (this.#pods.get(reference) ?? new Set()).add(now ? keyOf(now) : key));
        changed(reference);
      }
    });
  }

  /** NAMESPACE/POD, sorted. */
  of(reference: string): string[] {
    return [...(this.#pods.get(reference) ?? [])].sort();
  }
}
