import { GROUP } from '../api/crd.ts';
import { CONVERTED_KINDS } from '../api/kinds.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKube } from '../kube/errors.ts';
import type { Log } from '../kube/log.ts';
import { customResource, type KubeObject, type Resource } from '../kube/object.ts';

const DEFINITIONS: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};
const STORED = 'v1';

interface Definition extends KubeObject {
  readonly status?: { readonly storedVersions?: readonly string[] };
}

type Client = Pick<KubeClient, 'get' | 'pages' | 'patch'>;

/**
 * Has the API server store in v1 what an earlier installation stored in older versions, and then says so in the definitions:
 * until then no version that is listed there may be dropped from them (Kubernetes, "Versions in CustomResourceDefinitions").
 * @returns definitions that are not done with, since an object of theirs cannot be written.
 */
export async function migrateStorage(client: Client, log: Log, signal: AbortSignal): Promise<readonly string[]> {
  const left: string[] = [];
  for (const { kind, plural, scope } of CONVERTED_KINDS) {
    const name = `${plural}.${GROUP}`;
    const definition = await ifThere(client.get<Definition>(DEFINITIONS, { name }, { signal }));
    const stored = definition?.status?.storedVersions ?? [STORED];
    if (!definition || stored.every((version) => version === STORED)) continue;
    const resource = customResource(plural, kind, scope === 'Namespaced');
    const failed = await rewrite(client, resource, log, signal);
    if (failed > 0) {
      left.push(name);
      continue;
    }
    const { resourceVersion } = definition.metadata;
    // Of the definition that was read: one that has another version to store since then is begun with anew.
    const patch = { metadata: { resourceVersion }, status: { storedVersions: [STORED] } };
    await client.patch(DEFINITIONS, { name }, patch, { type: 'merge', subresource: 'status', signal });
    log.info({ definition: name, before: stored }, 'all objects are stored in v1');
  }
  return left;
}

/** A patch of nothing is a write where what is stored is not what would be stored now. */
async function rewrite(client: Client, resource: Resource, log: Log, signal: AbortSignal): Promise<number> {
  let failed = 0;
  for await (const { items } of client.pages(resource, { signal }))
    for (const { metadata } of items) {
      const { name, namespace } = metadata;
      const reference = { name, ...(namespace !== undefined && { namespace }) };
      try {
        await ifThere(client.patch(resource, reference, {}, { type: 'merge', signal }));
      } catch (error) {
        if (!isKube(error, 'invalid', 'terminal')) throw error;
        failed += 1;
        log.warn({ kind: resource.kind, ...reference, error }, 'cannot be stored in v1: put it right or delete it');
      }
    }
  return failed;
}

/** What is deleted meanwhile needs nothing. */
async function ifThere<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isKube(error, 'notFound')) return undefined;
    throw error;
  }
}
