import { isDeepStrictEqual } from 'node:util';
import { isReleased } from '../../api/conditions.ts';
import { FINALIZERS, LABELS } from '../../api/names.ts';
import { referenceOf } from '../../api/references.ts';
import type { SeccompProfile } from '../../api/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Again } from '../../kube/queue.ts';
import type { ProfileObject } from '../instances.ts';
import { PROFILES } from '../recordings.ts';
import { aggregate } from './aggregate.ts';
import { remaining } from './finalizers.ts';
import { ifStill } from './if-still.ts';
import { Pace } from './pace.ts';
import { waitsUnscheduled } from './pods.ts';
import { NODE_STATUSES, type NodeStatusObject } from './watch.ts';

/** As long waits a profile that is deleted for the pods that no node has yet, before they are listed again, milliseconds. */
const LIST_AGAIN = 10_000;

export interface ProfilesParts {
  readonly client: Pick<KubeClient, 'patch' | 'delete' | 'pages'>;
  readonly profile: (name: string) => ProfileObject | undefined;
  readonly statuses: (profile: ProfileObject) => readonly NodeStatusObject[];
  /** Whether there is such a node. */
  readonly node: (name: string) => boolean;
  /** Nodes that run an agent, or are to. */
  readonly expected: () => number | undefined;
}

/** One profile: its status follows its nodes', and once it is deleted it stays until no node has it any more. */
export class Profiles {
  readonly #parts: ProfilesParts;
  readonly #pace = new Pace();

  constructor(parts: ProfilesParts) {
    this.#parts = parts;
  }

  async reconcile(name: string, signal: AbortSignal): Promise<Again | undefined> {
    const profile = this.#parts.profile(name);
    if (!profile) {
      this.#pace.forget(name);
      return undefined;
    }
    const nodes = await this.#present(profile, signal);
    const { labels, deletionTimestamp } = profile.metadata;
    if (deletionTimestamp !== undefined) return this.#end(profile, nodes, signal);
    // What is still recorded is on no node; its status is another's (profile-status.ts).
    if (labels?.[LABELS.partial] !== undefined) return undefined;
    await this.#hold(profile, signal);
    const expected = this.#parts.expected();
    return this.#write(profile, aggregate(profile, { nodes, expected, inUse: false }, new Date()), signal);
  }

  /** What nodes say that are there; what others said goes. */
  async #present(profile: ProfileObject, signal: AbortSignal): Promise<NodeStatusObject[]> {
    const there: NodeStatusObject[] = [];
    for (const status of this.#parts.statuses(profile)) {
      if (this.#parts.node(status.spec.nodeName)) {
        there.push(status);
        continue;
      }
      const { uid } = status.metadata;
      const preconditions = uid === undefined ? {} : { preconditions: { uid } };
      await ifStill(() => this.#parts.client.delete(NODE_STATUSES, status.metadata, { ...preconditions, signal }));
    }
    return there;
  }

  async #hold(
    { metadata: { name, resourceVersion, finalizers = [] } }: KubeObject,
    signal: AbortSignal,
  ): Promise<void> {
    if (finalizers.includes(FINALIZERS.onNodes)) return;
    const patch = { metadata: { resourceVersion, finalizers: [...finalizers, FINALIZERS.onNodes] } };
    await ifStill(() => this.#parts.client.patch(PROFILES, { name }, patch, { type: 'merge', signal }));
  }

  async #end(
    profile: ProfileObject,
    nodes: readonly NodeStatusObject[],
    signal: AbortSignal,
  ): Promise<Again | undefined> {
    const { name, resourceVersion, finalizers = [] } = profile.metadata;
    // Nothing of it is ours to end.
    if (nodes.length === 0 && remaining(finalizers, [], false).length === finalizers.length) return undefined;
    const used = nodes.some(({ status }) => (status?.pods ?? 0) > 0);
    const waits = !used && !isReleased(profile.status?.conditions) && (await this.#waits(name, signal));
    const inUse = used || waits;
    const left = remaining(
      finalizers,
      nodes.map(({ spec }) => spec.nodeName),
      inUse,
    );
    if (left.length < finalizers.length) {
      const patch = { metadata: { resourceVersion, finalizers: left } };
      await ifStill(() => this.#parts.client.patch(PROFILES, { name }, patch, { type: 'merge', signal }));
    }
    if (left.length === 0) return undefined;
    const status = aggregate(profile, { nodes, expected: undefined, inUse }, new Date());
    const again = await this.#write(profile, status, signal);
    return waits ? { requeueAfter: LIST_AGAIN } : again;
  }

  #waits(name: string, signal: AbortSignal): Promise<boolean> {
    return waitsUnscheduled(this.#parts.client, referenceOf('SeccompProfile', name), signal);
  }

  async #write(
    { metadata: { name }, status: before }: ProfileObject,
    status: NonNullable<SeccompProfile['status']>,
    signal: AbortSignal,
  ): Promise<Again | undefined> {
    if (isDeepStrictEqual(status, before)) return undefined;
    const wait = this.#pace.wait(name, onlyPods(status, before));
    if (wait > 0) return { requeueAfter: wait };
    // A merge leaves what is not named.
    const patch = { status: { activeWorkloads: null, pods: null, ...status } };
    const merge = { type: 'merge', subresource: 'status', signal } as const;
    await ifStill(() => this.#parts.client.patch(PROFILES, { name }, patch, merge));
    return undefined;
  }
}

function onlyPods(now: SeccompProfile['status'], before: SeccompProfile['status']): boolean {
  const { activeWorkloads: _, pods: __, ...rest } = now ?? {};
  const { activeWorkloads: ___, pods: ____, ...other } = before ?? {};
  return isDeepStrictEqual(rest, other);
}
