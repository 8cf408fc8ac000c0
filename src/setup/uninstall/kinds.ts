import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, keyOf, type Resource } from '../../kube/object.ts';
import { DEFINITIONS } from '../../kube/resources.ts';
import { OWN_KINDS, type OwnKind } from '../installed.ts';
import { each, find, ifThere, remove } from '../objects.ts';
import { left, nothingLeft } from '../wait.ts';
import { removeGuarded } from './guarded.ts';
import type { Step, Which } from './plan.ts';

interface Definition extends KubeObject {
  readonly spec: { readonly conversion?: { readonly strategy?: string } };
}

const FORCE = 'Try again, or take what holds them away: --force.';

/** Deletes all objects of some of our kinds, and sees to it that they are gone. */
export async function endObjects(
  client: KubeClient,
  { which, patient, strip }: Extract<Step, { do: 'end' }>,
  timeout: number,
): Promise<void> {
  const kinds = OWN_KINDS.filter(({ resource }) => belongs(resource.kind, which));
  const look = () => objectsOf(client, kinds);
  for (const { resource } of kinds)
    for await (const { metadata } of each(client, resource))
      if (metadata.deletionTimestamp === undefined) await remove(client, resource, metadata.namespace, metadata.name);
  if (strip) {
    if (patient) await left(look, timeout);
    for (const { resource } of kinds) await takeFinalizers(client, resource);
  }
  await nothingLeft('not all objects are gone', FORCE, look, timeout);
}

/** No object is converted any more: whoever could do that goes. */
export async function endConversion(client: KubeClient): Promise<void> {
  for (const { definition } of OWN_KINDS) {
    const found = await find<Definition>(client, DEFINITIONS, undefined, definition);
    if (found?.spec.conversion?.strategy !== 'Webhook') continue;
    const patch = { spec: { conversion: { strategy: 'None', webhook: null } } };
    await ifThere(() => client.patch(DEFINITIONS, { name: definition }, patch, { type: 'merge' }));
  }
}

export async function endDefinitions(client: KubeClient, timeout: number): Promise<void> {
  for (const { definition } of OWN_KINDS)
    await removeGuarded(client, { resource: DEFINITIONS, name: definition }, timeout);
  const look = async () => {
    const there = await Promise.all(
      OWN_KINDS.map(({ definition }) => find(client, DEFINITIONS, undefined, definition)),
    );
    return there.flatMap((one) => one?.metadata.name ?? []);
  };
  await nothingLeft('not all definitions are gone', FORCE, look, timeout);
}

function belongs(kind: string, which: Which): boolean {
  if (which === 'all') return true;
  if (which === 'profiles') return kind === 'SeccompProfile';
  return kind === 'ProfileRecording' || kind === 'ProfileBinding';
}

async function objectsOf(client: KubeClient, kinds: readonly OwnKind[]): Promise<string[]> {
  const there: string[] = [];
  for (const { resource } of kinds)
    for await (const object of each(client, resource)) there.push(`${resource.kind} ${keyOf(object)}`);
  return there;
}

/** Of objects that are deleted: they go with that. */
async function takeFinalizers(client: KubeClient, resource: Resource): Promise<void> {
  for await (const { metadata } of each(client, resource)) {
    const { name, namespace, finalizers = [] } = metadata;
    if (finalizers.length === 0) continue;
    const patch = { metadata: { finalizers: null } };
    await ifThere(() => client.patch(resource, { name, namespace }, patch, { type: 'merge' }));
  }
}
