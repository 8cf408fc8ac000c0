import type { KubeClient } from '../kube/client.ts';
import type { KubeObject, Resource } from '../kube/object.ts';

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
