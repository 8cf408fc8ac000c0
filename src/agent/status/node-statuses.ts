import { isDeepStrictEqual } from 'node:util';
import { readyCondition, withTime } from '../../api/conditions.ts';
import { NODE_ROLLOUT } from '../../api/kinds/rollout.ts';
import { LABELS, nodeLabel } from '../../api/names.ts';
import { nodeStatusLabels, nodeStatusName, type Owner, ownerOf } from '../../api/node-status.ts';
import type { NodeRollout } from '../../api/rollout.ts';
import { nulls } from '../../api/schema.ts';
import type { NodeStatus } from '../../api/types.ts';
import { type Backoff, delayOf, jittered } from '../../kube/backoff.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type Clock, MONOTONIC, sleep } from '../../kube/clock.ts';
import { isKube } from '../../kube/errors.ts';
import type { Log } from '../../kube/log.ts';
import { customResource, isOlder, type KubeObject } from '../../kube/object.ts';
import { isPatient, keyOf, PAUSE, type Told } from './installation.ts';

const NODE_STATUSES = customResource('securityprofilenodestatuses', 'SecurityProfileNodeStatus', false);
const API_VERSION = 'security-profiles-operator.x-k8s.io/v1';
/** Names of pods in one object: a node has 110 pods, unless it is told otherwise. */
const MOST_PODS = 500;
/** Until they are listed again, milliseconds. */
const LIST_AGAIN = 300_000;
const BACKOFF: Backoff = { base: 800, cap: 30_000 };

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
  readonly #log: Log;
  readonly #listeners: ((key: string) => void)[] = [];
  readonly #sync = Promise.withResolvers<void>();
  #listed = false;
  /** Settled when all that there was has been told once; rejected when run() ends before. */
  readonly synced: Promise<void>;
  /** By KIND/NAME of the profile, as new as is known: what was written is, before it is heard of. */
  readonly #present = new Map<string, NodeStatusObject>();
  readonly #written = new Map<string, number>();

  constructor({ client, log, node, clock = MONOTONIC }: NodeStatusesParts) {
    this.#client = client;
    this.#node = node;
    this.#clock = clock;
    this.#log = log;
    this.synced = this.#sync.promise;
    this.synced.catch(() => {
      // Not everybody waits for it.
    });
  }

  /**
   * What others have done to them is seen by listing them again now and then. Not by a watch: the API server looks at all watchers of
   * a label for each object of the type; with 1,000 nodes they fell behind, and listed all the time.
   */
  async run(signal: AbortSignal): Promise<void> {
    try {
      for (let failures = 0; !signal.aborted; ) {
        const pause = await this.#lookAgain(failures, signal);
        failures = pause.failed ? failures + 1 : 0;
        await sleep(this.#clock, pause.milliseconds, signal);
      }
    } finally {
      this.#sync.reject(signal.reason);
    }
  }

  /** Told of a profile, by KIND/NAME, whose node status somebody has changed. */
  onChange(listener: (key: string) => void): void {
    this.#listeners.push(listener);
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
    if (!hasLabels(present, labels)) present = await this.#patch(key, present, { metadata: { labels } }, {}, signal);
    if (!isDeepStrictEqual(status, present.status))
      await this.#patch(
        key,
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

  async #lookAgain(failures: number, signal: AbortSignal): Promise<{ failed: boolean; milliseconds: number }> {
    try {
      await this.#list(signal);
      this.#listed = true;
      this.#sync.resolve();
      return { failed: false, milliseconds: jittered(LIST_AGAIN) };
    } catch (error) {
      if (!signal.aborted && !isKube(error)) throw error;
      // Nobody waits for the next look: an API server in trouble is not asked sooner.
      const again = jittered(this.#listed ? LIST_AGAIN : delayOf(BACKOFF, failures + 1));
      const milliseconds = Math.max(again, isKube(error) ? (error.retryAfter ?? 0) : 0);
      if (!signal.aborted) this.#log.warn({ error, retryIn: Math.round(milliseconds) }, 'node statuses not listed');
      return { failed: true, milliseconds };
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const labelSelector = `${LABELS.nodeName}=${nodeLabel(this.#node)}`;
    const gone = new Map(this.#present);
    let version = 0;
    const options = { labelSelector, cached: true, signal };
    for await (const { items, resourceVersion } of this.#client.pages<NodeStatusObject>(NODE_STATUSES, options)) {
      version = Number(resourceVersion);
      for (const now of items) {
        const key = this.#keyOf(now);
        if (key === undefined) continue;
        const before = this.#present.get(key);
        gone.delete(key);
        this.#heard(key, now);
        if (this.#present.get(key)?.metadata.resourceVersion !== before?.metadata.resourceVersion) this.#tell(key);
      }
    }
    for (const [key, before] of gone) {
      // What is written meanwhile, or just before, is newer than the list.
      if (this.#present.get(key) !== before || Number(before.metadata.resourceVersion) > version) continue;
      this.#present.delete(key);
      this.#tell(key);
    }
  }

  #tell(key: string): void {
    for (const listener of this.#listeners) listener(key);
  }

  /** Undefined of another node's: a label is not proof, its agent may have written it. */
  #keyOf(status: NodeStatusObject): string | undefined {
    const owner = ownerOf(status);
    return owner && status.spec.nodeName === this.#node ? keyOf(owner) : undefined;
  }

  #heard(key: string, now: NodeStatusObject): void {
    const present = this.#present.get(key);
    if (!present || !isOlder(now, present)) this.#present.set(key, now);
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
    key: string,
    { metadata }: NodeStatusObject,
    patch: object,
    options: { readonly subresource?: string },
    signal: AbortSignal,
  ): Promise<NodeStatusObject> {
    const merge = { type: 'merge', ...options, signal } as const;
    try {
      const now = await this.#client.patch<NodeStatusObject>(NODE_STATUSES, metadata, patch, merge);
      this.#present.set(key, now);
      return now;
    } catch (error) {
      // Somebody took it away: tried again, it is made anew.
      if (isKube(error, 'notFound')) this.#present.delete(key);
      throw error;
    }
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
