import { isDeepStrictEqual } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { GROUP } from '../../api/crd.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isKube } from '../../kube/errors.ts';
import type { KubeObject } from '../../kube/object.ts';
import { SyscribeError } from '../../platform/errors.ts';
import { OWN_KINDS } from '../installed.ts';
import type { Kept } from './names.ts';

export type Outcome = 'made' | 'is there' | 'another of that name is there';

/**
 * The objects in a file that `migrate export` wrote.
 * @throws SyscribeError ERR_USAGE for anything else.
 */
export function readObjects(text: string): Kept[] {
  return parseAllDocuments(text).map((document, index) => {
    const object = document.errors.length === 0 ? (document.toJS() as Partial<Kept> | null) : null;
    const own = OWN_KINDS.find(({ resource }) => resource.kind === object?.kind)?.resource;
    const { name, namespace } = object?.metadata ?? {};
    const placed =
      typeof name === 'string' && (own?.namespaced ? typeof namespace === 'string' : namespace === undefined);
    if (own && placed && object?.apiVersion === `${GROUP}/v1`) return object as Kept;
    throw new SyscribeError('ERR_USAGE', `document ${index + 1} is none that syscribe migrate export writes`, {
      remedy: `Give objects of ${GROUP}/v1, profiles without a namespace, others with one.`,
    });
  });
}

/** Makes an object; what has its name stays. */
export async function importObject(client: KubeClient, object: Kept): Promise<Outcome> {
  const resource = OWN_KINDS.find((own) => own.resource.kind === object.kind)?.resource;
  if (!resource) throw new TypeError(object.kind);
  try {
    await client.create(resource, object as KubeObject);
    return 'made';
  } catch (error) {
    if (!isKube(error, 'alreadyExists')) throw error;
    const present = await client.get<KubeObject & Pick<Kept, 'spec'>>(resource, object.metadata);
    return isDeepStrictEqual(present.spec, object.spec) ? 'is there' : 'another of that name is there';
  }
}
