import type { KubeClient } from '../../kube/client.ts';
import { isKube, type KubeError } from '../../kube/errors.ts';
import { GUARD, type Named } from '../installed.ts';
import { remove } from '../objects.ts';
import { left } from '../wait.ts';

/**
 * Deletes one of the cluster's objects that the policy uninstall-first.spo.io protects. That policy is deleted before, but an API server
 * obeys it for up to a second more.
 */
export async function removeGuarded(client: KubeClient, { resource, name }: Named, timeout: number): Promise<void> {
  let refusal: KubeError | undefined;
  const look = async () => {
    try {
      await remove(client, resource, undefined, name);
      return [];
    } catch (error) {
      if (!isKube(error, 'forbidden') || !error.message.includes(GUARD)) throw error;
      refusal = error;
      return [name];
    }
  };
  if ((await left(look, timeout)).length > 0) throw refusal;
}
