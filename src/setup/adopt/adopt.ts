import type { KubeClient } from '../../kube/client.ts';
import { customResource, type KubeObject, pathOf, type Resource } from '../../kube/object.ts';
import {
  CLUSTER_ROLE_BINDINGS,
  DAEMON_SETS,
  DEPLOYMENTS,
  MUTATING,
  REPLICA_SETS,
  ROLE_BINDINGS,
  VALIDATING,
} from '../../kube/resources.ts';
import { SyscribeError } from '../../platform/errors.ts';
import { AGENTS, OPERATOR, WEBHOOK } from '../installed.ts';
import { find, ifThere, remove } from '../objects.ts';
import { nothingLeft } from '../wait.ts';
import { endWorkload } from '../workload.ts';
import { CERTIFICATES, lookForSpo, stale } from './look.ts';
import { type AdoptOptions, adoptionOf, type Deed, reduced, type Webhook } from './plan.ts';

export interface AdoptSettings extends AdoptOptions {
  readonly namespace: string;
  /** Tell, and do nothing. */
  readonly dryRun: boolean;
  /** Milliseconds for recordings to end, and for each step behind. */
  readonly timeout: number;
  readonly say: (line: string) => void;
}

const SAID: Readonly<Record<Deed, string>> = {
  webhooks: 'only the webhook for bindings stays, for pods that are made',
  operator: 'deleted',
  agents: 'deleted; the files on nodes stay',
  webhook: 'deleted, its pods serve until ours do',
  certificates: 'deleted: the webhook makes its own',
  bindings: 'deleted: what they are bound to cannot be changed',
  stale: 'taken away: that node is gone',
  orphans: 'deleted: ours serve',
};

const MUTATING_NAME = 'spo-mutating-webhook-configuration';
const VALIDATING_NAME = 'spo-validating-webhook-configuration';
const PROFILES = customResource('seccompprofiles', 'SeccompProfile', false);

/**
 * Makes room for ours where the Security Profiles Operator is, so that what it has of profiles, recordings and bindings is taken
 * over. It may be done again, and is to be, once ours is installed.
 * @throws SyscribeError ERR_SETUP_REFUSED where nothing was done, ERR_SETUP where it did not come to its end.
 */
export async function adopt(client: KubeClient, settings: AdoptSettings): Promise<void> {
  const { namespace, dryRun, timeout, say } = settings;
  const { refusal, waits, deeds, advice } = adoptionOf(await lookForSpo(client, namespace), settings);
  if (refusal) throw new SyscribeError('ERR_SETUP_REFUSED', refusal.message, { remedy: refusal.remedy });
  for (const one of waits) say(`waits for its recording to end: ${one}`);
  if (!dryRun && waits.length > 0) {
    const remedy =
      'Delete these pods, then these recordings, so that it merges what it has; what it has not written is lost.';
    const look = async () => (await lookForSpo(client, namespace)).recording;
    await nothingLeft('it still records', remedy, look, timeout);
  }
  for (const { do: deed, about } of deeds) {
    for (const one of about) say(`${dryRun ? 'would be ' : ''}${SAID[deed]}: ${one}`);
    if (!dryRun) await DOES[deed](client, settings, about);
  }
  for (const line of advice) say(line);
  if (waits.length + deeds.length + advice.length === 0) say('nothing is to be done');
}

type Does = (client: KubeClient, settings: AdoptSettings, about: readonly string[]) => Promise<void>;

const DOES: Readonly<Record<Deed, Does>> = {
  webhooks: async (client) => {
    await remove(client, VALIDATING, undefined, VALIDATING_NAME);
    const found = await find<KubeObject & { webhooks?: Webhook[] }>(client, MUTATING, undefined, MUTATING_NAME);
    if (!found) return;
    const { resourceVersion } = found.metadata;
    const patch = { metadata: { resourceVersion }, webhooks: reduced(found.webhooks ?? []) };
    await client.patch(MUTATING, { name: MUTATING_NAME }, patch, { type: 'merge' });
  },
  operator: (client, { namespace, timeout }) => end(client, DEPLOYMENTS, OPERATOR, namespace, timeout),
  agents: (client, { namespace, timeout }) => end(client, DAEMON_SETS, AGENTS, namespace, timeout),
  webhook: (client, { namespace }) => {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Orphan' };
    return ifThere(() => client.request('DELETE', pathOf(DEPLOYMENTS, { namespace, name: WEBHOOK }), { body }));
  },
  certificates: async (client, { namespace }) => {
    for (const { resource, names } of CERTIFICATES)
      for (const name of names) await remove(client, resource, namespace, name);
  },
  bindings: async (client, { namespace }, about) => {
    for (const one of about) {
      const [kind, name = ''] = one.split(' ');
      const wide = kind === CLUSTER_ROLE_BINDINGS.kind;
      await remove(client, wide ? CLUSTER_ROLE_BINDINGS : ROLE_BINDINGS, wide ? undefined : namespace, name);
    }
  },
  stale: async (client) => {
    const gone = await stale(client);
    for (const profile of new Set(gone.map((one) => one.profile))) {
      const found = await find(client, PROFILES, undefined, profile);
      if (!found) continue;
      const { resourceVersion, finalizers = [] } = found.metadata;
      const of = gone.filter((one) => one.profile === profile).map(({ finalizer }) => finalizer);
      const patch = { metadata: { resourceVersion, finalizers: finalizers.filter((one) => !of.includes(one)) } };
      await ifThere(() => client.patch(PROFILES, { name: profile }, patch, { type: 'merge' }));
    }
  },
  orphans: async (client, { namespace }, about) => {
    for (const name of about) await remove(client, REPLICA_SETS, namespace, name);
  },
};

function end(client: KubeClient, resource: Resource, name: string, namespace: string, timeout: number): Promise<void> {
  return endWorkload(client, { resource, name }, namespace, { lenient: false, timeout });
}
