import { LABELS, suffixed } from '../api/names.ts';
import type { ProfileBinding, SeccompProfile } from '../api/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKube } from '../kube/errors.ts';
import { customResource, type KubeObject, NAMESPACES } from '../kube/object.ts';
import { SyscribeError } from '../platform/errors.ts';
import { all } from './list.ts';
import { PROFILES } from './record.ts';
import type { Workload } from './workload.ts';

export const BINDINGS = customResource('profilebindings', 'ProfileBinding', true);
const OWNER = 'app.kubernetes.io/managed-by';
const US = 'kubectl-syscribe';
/** On a binding of ours: the workload that it is for, as KIND.NAME. */
const WORKLOAD = 'spo.x-k8s.io/workload';

type BindingObject = ProfileBinding & KubeObject;

/** Which profile which image gets. */
export interface Plan {
  readonly image: string;
  readonly profile: string;
}

/**
 * What is to be bound: to the containers that are named, or to all.
 * @param profileOf what a container is to get.
 * @throws SyscribeError ERR_USAGE for a container that is not there, or two of one image that are to get different profiles.
 */
export function planOf(
  { name, containers }: Pick<Workload, 'name' | 'containers'>,
  profileOf: (container: string) => string,
  only: readonly string[],
): Plan[] {
  const unknown = only.find((wanted) => !containers.some((container) => container.name === wanted));
  if (unknown !== undefined)
    throw new SyscribeError('ERR_USAGE', `${name} has no container ${unknown}`, {
      remedy: `It has ${containers.map((container) => container.name).join(', ')}.`,
    });
  const plans = new Map<string, string>();
  for (const container of containers) {
    if (only.length > 0 && !only.includes(container.name)) continue;
    const profile = profileOf(container.name);
    if ((plans.get(container.image) ?? profile) !== profile)
      throw new SyscribeError('ERR_USAGE', `two containers of ${name} have the image ${container.image}`, {
        remedy: 'Bindings go by images: give both one profile (--profile), or give them images of their own.',
      });
    plans.set(container.image, profile);
  }
  return [...plans].map(([image, profile]) => ({ image, profile }));
}

/**
 * Binds profiles to images of a workload, in its pods only. Pods that run keep what they began with.
 * @returns the names of the bindings.
 * @throws SyscribeError ERR_TARGET_NOT_FOUND for a profile that is not there or cannot be bound.
 */
export async function enforce(client: KubeClient, workload: Workload, plans: readonly Plan[]): Promise<string[]> {
  for (const { profile } of plans) await requireProfile(client, profile);
  const { namespace } = workload;
  const names: string[] = [];
  for (const { image, profile } of plans) {
    const name = suffixed(workload.name, workload.resource.kind, image);
    const binding = {
      apiVersion: 'security-profiles-operator.x-k8s.io/v1',
      kind: 'ProfileBinding',
      metadata: { namespace, name, labels: { [OWNER]: US, [WORKLOAD]: keyOf(workload) } },
      spec: { image, profileRef: { kind: 'SeccompProfile', name: profile }, podSelector: workload.selector },
    };
    await client.apply(BINDINGS, binding as BindingObject, { fieldManager: US });
    names.push(name);
  }
  const labels = { [LABELS.enableBinding]: '' };
  await client.patch(NAMESPACES, { name: namespace }, { metadata: { labels } }, { type: 'merge' });
  return names;
}

/**
 * Takes away what {@link enforce} made for a workload; the namespace's label too where no binding is left there.
 * @returns the names of the bindings that were deleted.
 */
export async function undo(client: KubeClient, workload: Workload): Promise<string[]> {
  const { namespace } = workload;
  const bindings = await all<BindingObject>(client, BINDINGS, undefined, namespace);
  const ours = bindings.filter(({ metadata: { labels = {} } }) => {
    return labels[OWNER] === US && labels[WORKLOAD] === keyOf(workload);
  });
  for (const { metadata } of ours) await client.delete(BINDINGS, { namespace, name: metadata.name });
  if (ours.length > 0 && ours.length === bindings.length) {
    const labels = { [LABELS.enableBinding]: null };
    await client.patch(NAMESPACES, { name: namespace }, { metadata: { labels } }, { type: 'merge' });
  }
  return ours.map(({ metadata }) => metadata.name);
}

async function requireProfile(client: KubeClient, name: string): Promise<void> {
  let profile: SeccompProfile;
  try {
    profile = await client.get<SeccompProfile & KubeObject>(PROFILES, { name });
  } catch (error) {
    if (!isKube(error, 'notFound')) throw error;
    throw new SyscribeError('ERR_TARGET_NOT_FOUND', `there is no SeccompProfile ${name}`, {
      remedy: 'Record one (kubectl syscribe record), or name another: kubectl get sp.',
    });
  }
  const partial = profile.metadata.labels?.[LABELS.partial] !== undefined;
  if (!partial && profile.spec.state !== 'Disabled') return;
  throw new SyscribeError('ERR_TARGET_NOT_FOUND', `${name} is ${partial ? 'still being recorded' : 'disabled'}`, {
    remedy: partial
      ? 'End its recording first: kubectl delete profilerecording.'
      : `Enable it: kubectl patch sp ${name} --type=merge -p '{"spec":{"state":"Enabled"}}'.`,
  });
}

/** A label's value, of a kind and a name. */
function keyOf({ resource, name }: Workload): string {
  return `${resource.kind}.${name}`.slice(0, 63).replace(/[-.]+$/, '');
}
