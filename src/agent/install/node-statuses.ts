import { isDeepStrictEqual } from 'node:util';
import { readyCondition, withTime } from '../../api/conditions.ts';
import { NODE_ROLLOUT } from '../../api/kinds/rollout.ts';
import { LABELS, nodeLabel } from '../../api/names.ts';
import { nodeStatusLabels, nodeStatusName, type Owner, ownerOf } from '../../api/node-status.ts';
import type { NodeRollout } from '../../api/rollout.ts';
import { nulls } from '../../api/schema.ts';
import type { NodeStatus } from '../../api/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type Clock, MONOTONIC } from '../../kube/clock.ts';
import { isKube } from '../../kube/errors.ts';
import type { Log } from '../../kube/log.ts';
import { customResource, isOlder, type KubeObject } from '../../kube/object.ts';
import { Informer } from '../../kube/reflector.ts';
import { isPatient, keyOf, PAUSE, type Told } from './told.ts';

const NODE_STATUSES = customResource('securityprofilenodestatuses', 'SecurityProfileNodeStatus', false);
const API_VERSION = 'security-profiles-operator.x-k8s.io/v1';
/** Names of pods in one object: a node has 110 pods, unless it is told otherwise. */
const MOST_PODS = 500;

type NodeStatusObject = NodeStatus & KubeObject;

export interface NodeStatusesParts {
  readonly client: KubeClient;
  readonly log: Log;
  readonly node: string;
  readonly clock?: Clock;
}

/** The node statuses of this node: each is written where something has changed, and by nobody else. */
export class NodeStatuses {
  readonly #client: KubeClient;
  readonly #node: string;
  readonly #clock: Clock;
  readonly #informer: Informer<NodeStatusObject>;
  /** By KIND/NAME of the profile, as new as is known: what was written is, before it is heard of. */
  readonly #present = new Map<string, NodeStatusObject>();
  readonly #written = new Map<string, number>();

  constructor({ client, log, node, clock = MONOTONIC }: NodeStatusesParts) {
    this.#client = client;
    this.#node = node;
    this.#clock = clock;
    this.#informer = new Informer<NodeStatusObject>(
      { client, resource: NODE_STATUSES, log },
      { labelSelector: `${LABELS.nodeName}=${nodeLabel(node)}` },
    );
    this.#informer.onChange((_, now, before) => this.#heard(now, before));
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#informer.run(signal);
  }

  get synced(): Promise<void> {
    return this.#informer.synced;
  }

  /** Told of a profile, by KIND/NAME, whose node status somebody has changed. */
  onChange(listener: (key: string) => void): void {
    this.#informer.onChange((_, now, before) => {
      const owner = ownerOf(now ?? (before as NodeStatusObject));
      if (owner) listener(keyOf(owner));
    });
  }

  has(kind: string, name: string): boolean {
    return this.#present.has(`${kind}/${name}`);
  }

  /** What was told last of a profile that is rolled out. */
  rollout(kind: string, name: string): NodeRollout | undefined {
    return this.#present.get(`${kind}/${name}`)?.status?.rollout;
  }

  /** @returns milliseconds until it may be written, where that is not now. */
  async put(owner: Owner, told: Told, signal: AbortSignal): Promise<number | undefined> {
    const key = keyOf(owner);
    let present = this.#present.get(key);
    if (present && ownerOf(present)?.uid !== owner.uid) {
      await this.remove(owner.kind, owner.name, signal);
      present = undefined;
    }
    const labels = nodeStatusLabels(owner, this.#node, told.state);
    const status = statusOf(told, present?.status);
    const labelled = present !== undefined && hasLabels(present, labels);
    if (labelled && isDeepStrictEqual(status, present?.status)) return undefined;
    const wait = (this.#written.get(key) ?? Number.NEGATIVE_INFINITY) + PAUSE - this.#clock.now();
    if (labelled && wait > 0 && isPatient(status, present?.status)) return wait;
    this.#written.set(key, this.#clock.now());
    present ??= await this.#create(owner, labels, signal);
    if (!hasLabels(present, labels)) present = await this.#patch(present, { metadata: { labels } }, {}, signal);
    if (!isDeepStrictEqual(status, present.status))
      await this.#patch(
        present,
        { status: { ...REMOVED, ...status, ...(status.rollout && { rollout: { ...NO_ROLLOUT, ...status.rollout } }) } },
        { subresource: 'status' },
        signal,
      );
    return undefined;
  }

  async remove(kind: string, name: string, signal: AbortSignal): Promise<void> {
    const key = `${kind}/${name}`;
    const present = this.#present.get(key);
    if (!present) return;
    const { uid } = present.metadata;
    try {
      await this.#client.delete(NODE_STATUSES, present.metadata, {
        ...(uid !== undefined && { preconditions: { uid } }),
        signal,
      });
    } catch (error) {
      if (!isKube(error, 'notFound', 'conflict')) throw error;
    }
    this.#present.delete(key);
    this.#written.delete(key);
  }

  #heard(now: NodeStatusObject | undefined, before: NodeStatusObject | undefined): void {
    const owner = ownerOf(now ?? (before as NodeStatusObject));
    // A label is not proof: another node's agent may have written it.
    if (!owner || (now ?? before)?.spec.nodeName !== this.#node) return;
    const present = this.#present.get(keyOf(owner));
    if (!now) {
      if (present?.metadata.uid === before?.metadata.uid) this.#present.delete(keyOf(owner));
    } else if (!present || !isOlder(now, present)) this.#present.set(keyOf(owner), now);
  }

  async #create(owner: Owner, labels: Record<string, string>, signal: AbortSignal): Promise<NodeStatusObject> {
    const object = (name: string): NodeStatusObject => ({
      apiVersion: API_VERSION,
      kind: 'SecurityProfileNodeStatus',
      metadata: {
        name,
        labels,
        ownerReferences: [{ apiVersion: API_VERSION, ...owner, controller: true, blockOwnerDeletion: true }],
      },
      spec: { nodeName: this.#node },
    });
    const [plain, suffixed] = [false, true].map((taken) => nodeStatusName(owner, this.#node, taken)) as [
      string,
      string,
    ];
    const made = (await this.#createAs(object(plain), signal)) ?? (await this.#createAs(object(suffixed), signal));
    if (!made) throw new Error(`${plain} and ${suffixed} are node statuses of others`);
    this.#present.set(keyOf(owner), made);
    return made;
  }

  /**
   * It is there already, and ours, where an earlier request was done and its answer did not come: a second object would stay
   * without a status, and hold the profile Pending.
   * @returns undefined where it is another's.
   */
  async #createAs(object: NodeStatusObject, signal: AbortSignal): Promise<NodeStatusObject | undefined> {
    try {
      return await this.#client.create<NodeStatusObject>(NODE_STATUSES, object, { signal });
    } catch (error) {
      if (!isKube(error, 'alreadyExists')) throw error;
    }
    const { name } = object.metadata;
    // By a list, which an agent may do anyway.
    const pages = this.#client.pages<NodeStatusObject>(NODE_STATUSES, {
      fieldSelector: `metadata.name=${name}`,
      signal,
    });
    for await (const { items } of pages)
      for (const there of items)
        if (there.spec.nodeName === this.#node && ownerKeyOf(there) === ownerKeyOf(object)) return there;
    return undefined;
  }

  async #patch(
    { metadata }: NodeStatusObject,
    patch: object,
    options: { readonly subresource?: string },
    signal: AbortSignal,
  ): Promise<NodeStatusObject> {
    const merge = { type: 'merge', ...options, signal } as const;
    const now = await this.#client.patch<NodeStatusObject>(NODE_STATUSES, metadata, patch, merge);
    this.#heard(now, undefined);
    return now;
  }
}

function hasLabels({ metadata }: NodeStatusObject, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(labels).every(([name, value]) => metadata.labels?.[name] === value);
}

/** Which profile it is of; a reference has more to it than that. */
function ownerKeyOf(status: NodeStatusObject): string {
  const owner = ownerOf(status);
  return owner ? `${keyOf(owner)} ${owner.uid}` : '';
}

/** A merge leaves what is not named. */
const REMOVED = { activeWorkloads: null, pods: null, rollout: null } as const;
const NO_ROLLOUT = nulls(NODE_ROLLOUT);

function statusOf(
  { state, message, generation, pods, rollout }: Told,
  before: NodeStatus['status'],
): NodeStatus['status'] & object {
  return {
    status: state,
    conditions: [withTime(readyCondition(state, message, generation), before?.conditions, new Date())],
    ...(pods.length > 0 && { activeWorkloads: pods.slice(0, MOST_PODS), pods: pods.length }),
    ...(rollout && { rollout }),
  };
}
