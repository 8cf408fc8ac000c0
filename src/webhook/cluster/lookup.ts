import type { KubeClient } from '../../kube/client.ts';
import { isKube } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { type KubeObject, NAMESPACES, type Resource } from '../../kube/object.ts';
import type { Informer } from '../../kube/reflector.ts';

/**
 * A namespace's objects. One and its pod may come in one file: the pod is there before the cache has heard of it, and so the
 * API server is asked where the cache knows nothing.
 */
export async function listIn<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  cache: Informer<T>,
  namespace: string,
): Promise<readonly T[]> {
  const known = [...cache.list()].filter(({ metadata }) => metadata.namespace === namespace);
  if (known.length > 0) return known;
  const found: T[] = [];
  for await (const { items } of client.pages<T>(resource, { namespace })) found.push(...items);
  return found;
}

/** From the cache, or from the API server where that knows nothing. */
export async function find<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  cache: Informer<T>,
  name: string,
): Promise<T | undefined> {
  const known = cache.get(name);
  if (known) return known;
  try {
    return await client.get<T>(resource, { name });
  } catch (error) {
    if (isKube(error, 'notFound')) return undefined;
    throw error;
  }
}

export async function labelsOf(
  client: KubeClient,
  cache: Informer,
  name: string,
): Promise<Readonly<Record<string, string>>> {
  return (await find(client, NAMESPACES, cache, name))?.metadata.labels ?? {};
}

interface Regarded {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid?: string };
}

/** Events about objects as a review or a cache has them. */
export function eventsOn(recorder: Pick<EventRecorder, 'event'>) {
  return {
    event: (
      { apiVersion, kind, metadata }: Regarded,
      type: 'Normal' | 'Warning',
      reason: string,
      message: string,
    ): void => {
      const { name, namespace, uid } = metadata;
      const regarding = { apiVersion, kind, name, ...(namespace && { namespace }), ...(uid && { uid }) };
      recorder.event(regarding, type, reason, message);
    },
  };
}
