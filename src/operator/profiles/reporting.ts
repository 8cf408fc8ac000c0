import { ANNOTATIONS, FINALIZERS, LABELS } from '../../api/names.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Informer } from '../../kube/reflector.ts';
import type { ProfileObject } from '../recordings/instances.ts';

/** Node statuses of all profiles: 500 profiles on 1,000 nodes would be 500,000 objects, each of them sent to whoever watches. */
const MOST_NODE_STATUSES = 2000;

/** What nodes tell of profiles by: a node status each, as in SPO, or their reports where there is no room for more of those. */
export class Reporting {
  readonly #nodes: () => number;
  readonly #most: number;
  /** Profiles with node statuses. */
  readonly #with = new Set<string>();

  /** @param nodes how many there are that have an agent, or are to get one. */
  constructor(profiles: Pick<Informer<ProfileObject>, 'onChange'>, nodes: () => number, most = MOST_NODE_STATUSES) {
    this.#nodes = nodes;
    this.#most = most;
    profiles.onChange((name, now) => {
      const { labels, finalizers, annotations } = now?.metadata ?? {};
      const held = finalizers?.includes(FINALIZERS.onNodes) && labels?.[LABELS.partial] === undefined;
      if (held && annotations?.[ANNOTATIONS.nodeReports] !== 'true') this.#with.add(name);
      else if (!now || held) this.#with.delete(name);
    });
  }

  /** Metadata, for a merge, of a profile that nodes may have from now on; what they tell of it by is said with the finalizer. */
  hold({ name, finalizers = [] }: KubeObject['metadata']): object {
    const held = [...new Set([...finalizers, FINALIZERS.onNodes])];
    this.#with.delete(name);
    if ((this.#with.size + 1) * this.#nodes() > this.#most)
      return { finalizers: held, annotations: { [ANNOTATIONS.nodeReports]: 'true' } };
    this.#with.add(name);
    return { finalizers: held };
  }
}
