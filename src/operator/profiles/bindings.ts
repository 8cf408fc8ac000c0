import { isDeepStrictEqual } from 'node:util';
import { FINALIZERS } from '../../api/names.ts';
import type { NodeStatus } from '../../api/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import { Pace } from '../../kube/debounce.ts';
import { ifStill } from '../../kube/if-still.ts';
import type { Again } from '../../kube/queue.ts';
import { workloadsOf } from './aggregate.ts';
import { BINDINGS, type BindingObject } from './view.ts';

export interface BindingsParts {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly binding: (key: string) => BindingObject | undefined;
  /** Node statuses of what a binding refers to. */
  readonly statuses: (binding: BindingObject) => readonly NodeStatus[];
}

/** One binding: which pods of its namespace have its profile, and a finalizer while there are some. */
export class Bindings {
  readonly #parts: BindingsParts;
  readonly #pace = new Pace();

  constructor(parts: BindingsParts) {
    this.#parts = parts;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Again | undefined> {
    const binding = this.#parts.binding(key);
    if (!binding) {
      this.#pace.forget(key);
      return undefined;
    }
    const { name, namespace, resourceVersion, finalizers = [], deletionTimestamp } = binding.metadata;
    const workloads = workloadsOf(this.#parts.statuses(binding), namespace);
    const used = (workloads.pods ?? 0) > 0;
    const others = finalizers.filter((one) => one !== FINALIZERS.bindingLock);
    const held = others.length < finalizers.length;
    // One that is deleted gets no finalizer any more.
    const wanted = used && (held || deletionTimestamp === undefined);
    const merge = { type: 'merge', signal } as const;
    if (wanted !== held) {
      const list = wanted ? [...finalizers, FINALIZERS.bindingLock] : others;
      const patch = { metadata: { resourceVersion, finalizers: list } };
      await ifStill(() => this.#parts.client.patch(BINDINGS, { namespace, name }, patch, merge));
      if (!wanted && deletionTimestamp !== undefined) return undefined;
    }
    if (isDeepStrictEqual(workloads, binding.status ?? {})) return undefined;
    const first = used === (binding.status?.pods ?? 0) > 0;
    const wait = this.#pace.wait(key, first);
    if (wait > 0) return { requeueAfter: wait };
    const status = { activeWorkloads: null, pods: null, ...workloads };
    const options = { ...merge, subresource: 'status' };
    await ifStill(() => this.#parts.client.patch(BINDINGS, { namespace, name }, { status }, options));
    return undefined;
  }
}
