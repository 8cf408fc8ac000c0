import { type Owner, ownerOf } from '../../api/node-status.ts';
import type { NodeStatus, ProfileBinding } from '../../api/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../kube/log.ts';
import { customResource, type KubeObject, NODES, type Resource } from '../../kube/object.ts';
import { Informer } from '../../kube/reflector.ts';

export const NODE_STATUSES = customResource('securityprofilenodestatuses', 'SecurityProfileNodeStatus', false);
export const BINDINGS = customResource('profilebindings', 'ProfileBinding', true);
const DAEMON_SETS: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'daemonsets',
  kind: 'DaemonSet',
  namespaced: true,
};

export type NodeStatusObject = NodeStatus & KubeObject;
export type BindingObject = ProfileBinding & KubeObject;

interface DaemonSet extends KubeObject {
  readonly status?: { readonly desiredNumberScheduled?: number };
}

/** What the operator sees of where profiles are. */
export interface InstallationView {
  readonly statuses: Informer<NodeStatusObject>;
  readonly nodes: Informer;
  readonly agents: Informer<DaemonSet>;
  readonly bindings: Informer<BindingObject>;
}

/** @param namespace where the agents' DaemonSet `spod` is. */
export function watchInstallations(client: KubeClient, log: Log, namespace: string): InstallationView {
  return {
    statuses: new Informer<NodeStatusObject>({ client, resource: NODE_STATUSES, log }, { transform: littleOf }),
    nodes: new Informer({ client, resource: NODES, log }, { transform: nothingOf }),
    agents: new Informer<DaemonSet>(
      { client, resource: DAEMON_SETS, log },
      { namespace, fieldSelector: 'metadata.name=spod', transform: countOf },
    ),
    bindings: new Informer<BindingObject>({ client, resource: BINDINGS, log }),
  };
}

/** There is one for each profile and node. */
function littleOf(raw: KubeObject): NodeStatusObject {
  const { metadata, spec, status, apiVersion, kind } = raw as NodeStatusObject;
  const { name, uid, resourceVersion, ownerReferences } = metadata;
  const kept = { name, uid, resourceVersion, ownerReferences } as NodeStatusObject['metadata'];
  return { apiVersion, kind, metadata: kept, spec, ...(status && { status }) };
}

function nothingOf({ metadata: { name, uid } }: KubeObject): KubeObject {
  // Without a version, each of kubelet's reports would be a change.
  return { metadata: { name, uid, resourceVersion: '' } as KubeObject['metadata'] };
}

function countOf(raw: KubeObject): DaemonSet {
  const { metadata, status } = raw as DaemonSet;
  const { name, namespace, uid, resourceVersion } = metadata;
  const kept = { name, namespace, uid, resourceVersion } as KubeObject['metadata'];
  return { metadata: kept, status: { desiredNumberScheduled: status?.desiredNumberScheduled ?? 0 } };
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
