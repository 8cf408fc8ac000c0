import type { KubeClient } from '../../kube/client.ts';
import { isKube } from '../../kube/errors.ts';
import { type KubeObject, SECRETS } from '../../kube/object.ts';
import type { SecretStore } from '../certificates/rotation.ts';
import type { SecretData } from '../certificates/state.ts';

export interface Secret extends KubeObject {
  readonly type?: string;
  readonly data?: SecretData;
}

/** Secrets of one namespace. What was read is written only over what was read. */
export function secretStore(client: Pick<KubeClient, 'get' | 'create' | 'replace'>, namespace: string): SecretStore {
  const read = new Map<string, Secret>();
  return {
    async read(name) {
      try {
        const secret = await client.get<Secret>(SECRETS, { namespace, name });
        read.set(name, secret);
        return secret.data ?? {};
      } catch (error) {
        if (!isKube(error, 'notFound')) throw error;
        read.delete(name);
        return undefined;
      }
    },
    async write(name, data) {
      const before = read.get(name);
      const metadata = before?.metadata ?? { name, namespace, labels: { app: 'security-profiles-operator' } };
      const secret: Secret = { ...before, metadata, type: before?.type ?? typeOf(data), data };
      read.delete(name);
      if (before) await client.replace(SECRETS, secret);
      else await client.create(SECRETS, secret);
    },
  };
}

function typeOf(data: SecretData): string {
  return 'tls.crt' in data ? 'kubernetes.io/tls' : 'Opaque';
}
