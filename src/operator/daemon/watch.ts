import type { Daemon } from '../../api/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../kube/log.ts';
import { customResource, type KubeObject, PODS } from '../../kube/object.ts';
import { Informer } from '../../kube/reflector.ts';
import { AGENT_LABELS, AGENTS } from './daemon-set.ts';
import { CONFIGURATION, CONFIGURATIONS } from './webhooks.ts';

export const DAEMONS = customResource('securityprofilesoperatordaemons', 'SecurityProfilesOperatorDaemon', true);

export type DaemonObject = Daemon & KubeObject;

/** A pod of an agent: where it is, and whether it works. */
interface AgentPod extends KubeObject {
  readonly node: string;
  readonly ready: boolean;
}

/** What is watched of the webhooks' configuration. */
interface Configuration extends KubeObject {
  readonly webhooks: readonly { readonly name: string; readonly trusted: boolean }[];
}

/** What the daemon object and what is made of it are seen by. */
export interface DaemonView {
  readonly daemons: Informer<DaemonObject>;
  readonly agentPods: Informer<AgentPod>;
  readonly configurations: Informer<Configuration>;
}

export function watchDaemon(client: KubeClient, log: Log, namespace: string): DaemonView {
  const labelSelector = Object.entries(AGENT_LABELS)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  return {
    daemons: new Informer<DaemonObject>(
      { client, resource: DAEMONS, log },
      { namespace, fieldSelector: `metadata.name=${AGENTS}` },
    ),
    // Of our own pods alone: one a node.
    agentPods: new Informer<AgentPod>(
      { client, resource: PODS, log },
      { namespace, labelSelector, transform: agentPodOf },
    ),
    configurations: new Informer<Configuration>(
      { client, resource: CONFIGURATIONS, log },
      { fieldSelector: `metadata.name=${CONFIGURATION}`, transform: configurationOf },
    ),
  };
}

interface RawPod extends KubeObject {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function agentPodOf(raw: KubeObject): AgentPod {
  const { metadata, spec, status } = raw as RawPod;
  const { name, namespace, uid } = metadata;
  const node = spec?.nodeName ?? '';
  const ready = status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false;
  // Nothing else of it is a change.
  const kept = { name, namespace, uid, resourceVersion: `${node} ${ready}` } as KubeObject['metadata'];
  return { metadata: kept, node, ready };
}

interface RawConfiguration extends KubeObject {
  readonly webhooks?: readonly { readonly name: string; readonly clientConfig: { readonly caBundle?: string } }[];
}

function configurationOf(raw: KubeObject): Configuration {
  const { metadata, webhooks = [] } = raw as RawConfiguration;
  const { name, uid, resourceVersion, generation } = metadata;
  return {
    metadata: { name, uid, resourceVersion, generation } as KubeObject['metadata'],
    webhooks: webhooks.map(({ name, clientConfig }) => ({ name, trusted: Boolean(clientConfig.caBundle) })),
  };
}
