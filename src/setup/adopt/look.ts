import { LABELS } from '../../api/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, keyOf, NODES, PODS, type Resource, SECRETS } from '../../kube/object.ts';
import {
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  CONFIG_MAPS,
  DAEMON_SETS,
  DEFINITIONS,
  DEPLOYMENTS,
  MUTATING,
  REPLICA_SETS,
  ROLE_BINDINGS,
  ROLES,
  SERVICE_ACCOUNTS,
  SERVICES,
  VALIDATING,
} from '../../kube/resources.ts';
import { AGENTS, CLUSTER_WIDE, GATES, IN_NAMESPACE, OPERATOR, OWN_KINDS, UNINSTALLER, WEBHOOK } from '../installed.ts';
import { each, find } from '../objects.ts';
import { runs, type Workload } from '../workload.ts';
import { type Spo, staleFinalizers, type Webhook } from './plan.ts';

const OLM: readonly Resource[] = [
  ['subscriptions', 'Subscription'] as const,
  ['clusterserviceversions', 'ClusterServiceVersion'] as const,
].map(([plural, kind]) => ({ group: 'operators.coreos.com', version: 'v1alpha1', plural, kind, namespaced: true }));

export const CERTIFICATES: readonly { readonly resource: Resource; readonly names: readonly string[] }[] = [
  { resource: certManager('certificates', 'Certificate'), names: ['webhook-cert', 'metrics-cert'] },
  { resource: certManager('issuers', 'Issuer'), names: ['selfsigned-issuer'] },
];

interface Binding extends KubeObject {
  readonly roleRef: { readonly kind: string; readonly name: string };
}

interface Configuration extends KubeObject {
  readonly webhooks?: readonly Webhook[];
}

interface Definition extends KubeObject {
  readonly spec: { readonly scope?: string };
}

interface Pod extends KubeObject {
  readonly status?: { readonly phase?: string };
}

function certManager(plural: string, kind: string): Resource {
  return { group: 'cert-manager.io', version: 'v1', plural, kind, namespaced: true };
}

/** What is there of SPO; nothing of it is what {@link Spo} says of ours. */
export async function lookForSpo(client: KubeClient, namespace: string): Promise<Spo> {
  const operator = await workload(client, DEPLOYMENTS, namespace, OPERATOR);
  const agents = await workload(client, DAEMON_SETS, namespace, AGENTS);
  const webhook = await workload(client, DEPLOYMENTS, namespace, WEBHOOK);
  const theirs = {
    operator: operator !== undefined && !runs(operator, 'operator'),
    agents: agents !== undefined && !runs(agents, 'agent'),
    // Both are told to be webhooks; SPO's mounts its certificate, ours asks for it.
    webhook: webhook !== undefined && (webhook.spec.template.spec.volumes ?? []).length > 0,
  };
  const served = webhook !== undefined && !theirs.webhook && (webhook.status?.availableReplicas ?? 0) > 0;
  const namespaced = await isNamespaced(client);
  return {
    olm: await olm(client),
    namespaced,
    recording: theirs.operator || theirs.agents ? await recording(client, namespaced) : [],
    ...theirs,
    webhooks: theirs.operator || theirs.webhook ? await webhooks(client) : [],
    certificates: await certificates(client, namespace),
    bindings: await bindings(client, namespace),
    stale: namespaced ? [] : (await stale(client)).map(({ profile, finalizer }) => `${profile} ${finalizer}`),
    orphans: served ? await orphans(client, namespace) : [],
    others: await others(client, namespace),
  };
}

/** Profiles' finalizers of nodes that are gone. */
export async function stale(client: KubeClient): Promise<{ readonly profile: string; readonly finalizer: string }[]> {
  const nodes: string[] = [];
  for await (const { metadata } of each(client, NODES)) nodes.push(metadata.name);
  const found: { profile: string; finalizer: string }[] = [];
  for (const { resource } of OWN_KINDS.filter(({ resource }) => resource.kind === 'SeccompProfile'))
    for await (const { metadata } of each(client, resource))
      for (const finalizer of staleFinalizers(metadata.finalizers ?? [], nodes))
        found.push({ profile: metadata.name, finalizer });
  return found;
}

async function isNamespaced(client: KubeClient): Promise<boolean> {
  const name = OWN_KINDS.find(({ resource }) => resource.kind === 'SeccompProfile')?.definition ?? '';
  return (await find<Definition>(client, DEFINITIONS, undefined, name))?.spec.scope === 'Namespaced';
}

/** ReplicaSets of SPO's webhook that were left serving when its Deployment went. */
async function orphans(client: KubeClient, namespace: string): Promise<string[]> {
  const names: string[] = [];
  const labelSelector = `app=${OPERATOR}`;
  for await (const { metadata } of each(client, REPLICA_SETS, { namespace, labelSelector }))
    if (!metadata.ownerReferences?.some(({ controller }) => controller)) names.push(metadata.name);
  return names;
}

function workload(client: KubeClient, resource: Resource, namespace: string, name: string) {
  return find<Workload>(client, resource, namespace, name);
}

async function olm(client: KubeClient): Promise<string[]> {
  const found: string[] = [];
  for (const resource of OLM)
    for await (const object of each<KubeObject & { spec?: { name?: string } }>(client, resource))
      if (object.metadata.name.startsWith(OPERATOR) || object.spec?.name === OPERATOR)
        found.push(`${resource.kind} ${keyOf(object)}`);
  return found;
}

/** Its data is in its processes' memory, and in profiles that it alone merges. */
async function recording(client: KubeClient, namespaced: boolean): Promise<string[]> {
  const found: string[] = [];
  for await (const pod of each<Pod>(client, PODS)) {
    const traced = Object.keys(pod.metadata.annotations ?? {}).some((key) => key.startsWith('io.containers.trace-'));
    if (traced && !['Succeeded', 'Failed'].includes(pod.status?.phase ?? '')) found.push(`pod ${keyOf(pod)}`);
  }
  if (namespaced) return found;
  for (const { resource } of OWN_KINDS.filter(({ resource }) => !resource.namespaced))
    for await (const profile of each(client, resource, { labelSelector: LABELS.partial }))
      found.push(
        `${resource.kind} ${profile.metadata.name}, of the recording ${profile.metadata.labels?.[LABELS.recordingId]}`,
      );
  return found;
}

async function webhooks(client: KubeClient): Promise<string[]> {
  const found: string[] = [];
  for (const { resource, name } of GATES.filter(({ resource }) => [MUTATING, VALIDATING].includes(resource))) {
    const configuration = await find<Configuration>(client, resource, undefined, name);
    found.push(...(configuration?.webhooks ?? []).map((webhook) => webhook.name));
  }
  return found;
}

async function certificates(client: KubeClient, namespace: string): Promise<string[]> {
  const found: string[] = [];
  for (const { resource, names } of CERTIFICATES)
    for await (const { metadata } of each(client, resource, { namespace }))
      if (names.includes(metadata.name)) found.push(`${resource.kind} ${metadata.name}`);
  return found;
}

async function bindings(client: KubeClient, namespace: string): Promise<string[]> {
  const found: string[] = [];
  for (const { resource, name } of [...CLUSTER_WIDE, ...IN_NAMESPACE]) {
    if (resource !== CLUSTER_ROLE_BINDINGS && resource !== ROLE_BINDINGS) continue;
    const binding = await find<Binding>(client, resource, resource.namespaced ? namespace : undefined, name);
    const kind = resource.kind.replace('Binding', '');
    if (binding && (binding.roleRef.kind !== kind || binding.roleRef.name !== name))
      found.push(`${resource.kind} ${name}`);
  }
  return found;
}

async function others(client: KubeClient, namespace: string): Promise<string[]> {
  const ours = new Set([...CLUSTER_WIDE, ...IN_NAMESPACE].map(({ resource, name }) => `${resource.kind} ${name}`));
  const found: string[] = [];
  const labelSelector = `app=${OPERATOR}`;
  const types = [CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS, SERVICES, ROLES, ROLE_BINDINGS];
  for (const resource of [...types, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS]) {
    const where = resource.namespaced ? { namespace } : {};
    for await (const { metadata } of each(client, resource, { ...where, labelSelector }))
      found.push(`${resource.kind} ${metadata.name}`);
  }
  return found.filter((one) => !ours.has(one) && !one.endsWith(` ${UNINSTALLER}`));
}
