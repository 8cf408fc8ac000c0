import { isBuilt } from '../../api/built.ts';
import type { ProfileBinding } from '../../api/types.ts';
import { allow, type Review } from '../admission.ts';
import { isPod } from '../pod/pod.ts';
import { bindingsFor, bindPod } from './mutate.ts';
import { type BoundProfile, referenceTo } from './reference.ts';

export interface BindingCollaborators {
  /** A namespace's bindings: as new as the pod's maker can know them, since nobody asks again. */
  readonly bindings: { list(namespace: string): readonly ProfileBinding[] | Promise<readonly ProfileBinding[]> };
  readonly profiles: { get(reference: ProfileBinding['spec']['profileRef']): Promise<BoundProfile | undefined> };
  readonly namespaces: { labels(name: string): Promise<Readonly<Record<string, string>>> };
  readonly events: {
    event(regarding: ProfileBinding, type: 'Normal' | 'Warning', reason: string, message: string): void;
  };
}

/**
 * Answers for `binding.spo.io`: new pods, and ephemeral containers that are added to one. Nothing is kept of a pod: who is
 * bound is known from the profiles that pods use.
 * @returns undefined where the review holds no pod.
 * @throws what the collaborators throw: the API server then refuses the pod.
 */
export async function reviewBound(
  review: Review,
  { bindings, profiles, namespaces, events }: BindingCollaborators,
): Promise<object | undefined> {
  const { operation, namespace = '', object, oldObject, subResource, resource, dryRun } = review.request;
  const pods = (resource?.resource ?? 'pods') === 'pods';
  const made = pods && operation === 'CREATE' && !subResource;
  const extended = pods && operation === 'UPDATE' && subResource === 'ephemeralcontainers';
  if (!made && !extended) return allow(review, object);
  if (!isPod(object) || (extended && !isPod(oldObject))) return undefined;
  const wanted = bindingsFor(object, await bindings.list(namespace));
  if (wanted.length === 0) return allow(review, object);
  const referred = await Promise.all(
    wanted.map(async (binding) => {
      const { profileRef } = binding.spec;
      return [
        binding,
        referenceTo(profileRef, isBuilt(profileRef.kind) ? await profiles.get(profileRef) : undefined),
      ] as const;
    }),
  );
  const context = { namespace, namespaceLabels: await namespaces.labels(namespace) };
  const before = extended && isPod(oldObject) ? { before: oldObject } : {};
  const { pod, events: told, warnings } = bindPod(object, referred, { ...context, ...before });
  if (!dryRun) for (const { binding, reason, message } of told) events.event(binding, 'Warning', reason, message);
  return allow(review, pod, warnings);
}
