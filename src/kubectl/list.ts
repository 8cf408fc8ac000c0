import type { KubeClient } from '../kube/client.ts';
import { isKube } from '../kube/errors.ts';
import type { KubeObject, Reference, Resource } from '../kube/object.ts';

/** A list as a whole: what people look at by hand is not large. */
export async function all<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  labelSelector?: string,
  namespace?: string,
): Promise<T[]> {
  const found: T[] = [];
  const selection = {
    ...(labelSelector !== undefined && { labelSelector }),
    ...(namespace !== undefined && { namespace }),
  };
  for await (const { items } of client.pages<T>(resource, selection)) found.push(...items);
  return found;
}

/** @returns undefined where it is not there. */
export async function find<T extends KubeObject>(
  client: Pick<KubeClient, 'get'>,
  resource: Resource,
  reference: Reference,
): Promise<T | undefined> {
  try {
    return await client.get<T>(resource, reference);
  } catch (error) {
    if (isKube(error, 'notFound')) return undefined;
    throw error;
  }
}
