import type { KubeClient } from '../kube/client.ts';
import { isKube } from '../kube/errors.ts';
import type { KubeObject, Resource } from '../kube/object.ts';

/** All objects of a type; none where there is no such type. */
export async function* each<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  selection: { readonly namespace?: string; readonly labelSelector?: string } = {},
): AsyncGenerator<T> {
  try {
    for await (const { items } of client.pages<T>(resource, selection)) yield* items;
  } catch (error) {
    if (!isKube(error, 'notFound')) throw error;
  }
}

export async function find<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  namespace: string | undefined,
  name: string,
): Promise<T | undefined> {
  let found: T | undefined;
  await ifThere(async () => {
    found = await client.get<T>(resource, { namespace, name });
  });
  return found;
}

/** Deletes one; that it is not there is as good. */
export async function remove(
  client: KubeClient,
  resource: Resource,
  namespace: string | undefined,
  name: string,
): Promise<void> {
  await ifThere(() => client.delete(resource, { namespace, name }));
}

/** Of what is gone by then, nothing is to be done any more. */
export async function ifThere(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!isKube(error, 'notFound')) throw error;
  }
}
