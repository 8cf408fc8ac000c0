import { type Owner, ownerOf } from '../../api/node-status.ts';
import type { NodeStatus, ProfileBinding } from '../../api/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../kube/log.ts';
import { customResource, type KubeObject, NODES } from '../../kube/object.ts';
import { Informer } from '../../kube/reflector.ts';
import { AGENTS, DAEMON_SETS } from '../daemon/daemon-set.ts';
import { Reports } from './reports.ts';

export const NODE_STATUSES = customResource('securityprofilenodestatuses', 'SecurityProfileNodeStatus', false);
export const BINDINGS = customResource('profilebindings', 'ProfileBinding', true);

export type NodeStatusObject = NodeStatus & KubeObject;
export type BindingObject = ProfileBinding & KubeObject;

/** The agents': what is watched of it. */
interface DaemonSet extends KubeObject {
  /** Names of its pods' containers, in order. */
  readonly containers: readonly string[];
  readonly status?: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled?: number;
    readonly numberMisscheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberReady?: number;
  };
}

export interface NodeObject extends KubeObject {
  /** Pods can be sent there, some of them at least. */
  readonly schedulable: boolean;
  /** Where in its taints those are by which it waits for its agent. */
  readonly startupTaints: readonly number[];
}

/** What the operator sees of where profiles are. */
export interface InstallationView {
  readonly statuses: Informer<NodeStatusObject>;
  readonly reports: Reports;
  readonly nodes: Informer<NodeObject>;
  readonly agents: Informer<DaemonSet>;
  readonly bindings: Informer<BindingObject>;
}

/** @param namespace where the agents' DaemonSet is. */
export function watchInstallations(client: KubeClient, log: Log, namespace: string): InstallationView {
  return {
    statuses: new Informer<NodeStatusObject>({ client, resource: NODE_STATUSES, log }, { transform: littleOf }),
    reports: new Reports(client, log),
    nodes: new Informer<NodeObject>({ client, resource: NODES, log }, { transform: nodeOf }),
    agents: new Informer<DaemonSet>(
      { client, resource: DAEMON_SETS, log },
      { namespace, fieldSelector: `metadata.name=${AGENTS}`, transform: countOf },
    ),
    bindings: new Informer<BindingObject>({ client, resource: BINDINGS, log }),
  };
}

type Agents = Pick<InstallationView, 'agents'>;

/** Nodes that are to have an agent; undefined where nobody knows. */
export function nodesOf({ agents }: Agents): number | undefined {
  return [...agents.list()][0]?.status?.desiredNumberScheduled;
}

/**
 * Those that have an agent too, and are not to have one: the DaemonSet controller counts a node so that is tainted since it does not answer.
 * They come back.
 */
export function allNodesOf(view: Agents): number {
  return (nodesOf(view) ?? 0) + ([...view.agents.list()][0]?.status?.numberMisscheduled ?? 0);
}

/** There is one for each profile and node. */
function littleOf(raw: KubeObject): NodeStatusObject {
  const { metadata, spec, status, apiVersion, kind } = raw as NodeStatusObject;
  const { name, uid, resourceVersion, creationTimestamp, ownerReferences } = metadata;
  const kept = { name, uid, resourceVersion, creationTimestamp, ownerReferences } as NodeStatusObject['metadata'];
  return { apiVersion, kind, metadata: kept, spec, ...(status && { status }) };
}

/** What nodes may join with (kubelet's --register-with-taints), so that no pod comes before the agent. */
export const STARTUP_TAINT = 'spo.x-k8s.io/agent-not-ready';
/** What a node is tainted with when it is cordoned, has just joined, or does not answer; others keep some pods away, not all. */
const AWAY = /^node\.kubernetes\.io\/(unschedulable|not-ready|unreachable|network-unavailable)$/;

interface RawNode extends KubeObject {
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly key: string; readonly effect: string }[];
  };
}

function nodeOf(raw: KubeObject): NodeObject {
  const { metadata, spec = {} } = raw as RawNode;
  const { name, uid, creationTimestamp, labels } = metadata;
  const taints = spec.taints ?? [];
  const startupTaints = taints.flatMap(({ key }, place) => (key === STARTUP_TAINT ? [place] : []));
  const away = taints.some(
    ({ key, effect }) => (AWAY.test(key) || key === STARTUP_TAINT) && effect !== 'PreferNoSchedule',
  );
  const schedulable = !spec.unschedulable && !away && (labels?.['kubernetes.io/os'] ?? 'linux') === 'linux';
  // By the object's own version, each of kubelet's reports would be a change.
  const kept = { name, uid, creationTimestamp, resourceVersion: `${schedulable} ${startupTaints}` };
  return { metadata: kept as KubeObject['metadata'], schedulable, startupTaints };
}

interface RawDaemonSet extends DaemonSet {
  readonly spec?: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly name: string }[] } };
  };
}

function countOf(raw: KubeObject): DaemonSet {
  const { metadata, spec, status = {} } = raw as RawDaemonSet;
  const { name, namespace, uid, resourceVersion, generation, labels } = metadata;
  const kept = { name, namespace, uid, resourceVersion, generation, labels } as KubeObject['metadata'];
  const { observedGeneration = 0, desiredNumberScheduled = 0, numberMisscheduled = 0 } = status;
  const { updatedNumberScheduled = 0, numberReady = 0 } = status;
  return {
    metadata: kept,
    containers: (spec?.template.spec.containers ?? []).map((container) => container.name),
    status: { observedGeneration, desiredNumberScheduled, numberMisscheduled, updatedNumberScheduled, numberReady },
  };
}

/** Node statuses by KIND/NAME of their profile, and by node. */
export class NodeStatusIndex {
  readonly #byProfile = new Map<string, Map<string, NodeStatusObject>>();

  /** @param changed told of the profile. */
  constructor(statuses: Informer<NodeStatusObject>, changed: (owner: Owner) => void) {
    statuses.onChange((name, now, before) => {
      const owner = ownerOf(now ?? (before as NodeStatusObject));
      if (!owner) return;
      const key = `${owner.kind}/${owner.name}`;
      const all = this.#byProfile.get(key) ?? new Map<string, NodeStatusObject>();
      if (now) this.#byProfile.set(key, all.set(name, now));
      else if (all.delete(name) && all.size === 0) this.#byProfile.delete(key);
      changed(owner);
    });
  }

  /** Of the profile with this UID, not of an earlier one of its name. */
  of({ kind, name, uid }: Owner): NodeStatusObject[] {
    const all = [...(this.#byProfile.get(`${kind}/${name}`)?.values() ?? [])];
    return all.filter((status) => ownerOf(status)?.uid === uid);
  }
}
