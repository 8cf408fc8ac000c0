import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject, Resource } from '../../kube/object.ts';

const MANAGER = 'syscribe-daemon';

/**
 * An object that the operator keeps as it wants it, in the fields that it names; those of others stay. It is applied where
 * something else is wanted, or where somebody has changed it: by a number, since an object that is read does not say whose
 * fields differ.
 */
export class Applied {
  readonly #client: Pick<KubeClient, 'apply' | 'patch'>;
  readonly #resource: Resource;
  #wanted = '';
  /** Of the object, as it was right. */
  #right: { readonly uid: string | undefined; readonly generation: number } | undefined;

  constructor(client: Pick<KubeClient, 'apply' | 'patch'>, resource: Resource) {
    this.#client = client;
    this.#resource = resource;
  }

  /** The generation that the API server has given to what was applied last; 0 before. */
  get generation(): number {
    return this.#right?.generation ?? 0;
  }

  /** @param there what is known of the object. */
  async apply(wanted: KubeObject, there: KubeObject | undefined, signal: AbortSignal): Promise<void> {
    const text = JSON.stringify(wanted);
    const { uid, generation = 0 } = there?.metadata ?? {};
    const known = there !== undefined && this.#right?.uid === uid && generation <= this.generation;
    if (known && text === this.#wanted) return;
    const { metadata } = await this.#client.apply(this.#resource, wanted, { fieldManager: MANAGER, signal });
    this.#wanted = text;
    this.#right = { uid: metadata.uid, generation: metadata.generation ?? 0 };
  }

  /**
   * Takes items out of a list that are not wanted any more. Left out of what is applied, they would stay with what others own
   * of them (a caBundle, a variable), and be no whole items.
   * @param list where it is, as a JSON pointer.
   */
  async drop(there: KubeObject | undefined, list: string, items: readonly Item[], signal: AbortSignal): Promise<void> {
    if (!there || items.length === 0) return;
    const { name, namespace } = there.metadata;
    const patch = items.toReversed().flatMap((item) => [
      // The list may be another by now.
      { op: 'test', path: `${list}/${item.place}/name`, value: item.name },
      { op: 'remove', path: `${list}/${item.place}` },
    ]);
    await this.#client.patch(this.#resource, { namespace, name }, patch, { type: 'json', signal });
  }
}

interface Item {
  readonly name: string;
  readonly place: number;
}

/** Of items by these names, those that are ours and not wanted. */
export function unwanted(names: readonly string[], ours: readonly string[], wanted: readonly string[]): Item[] {
  return names.flatMap((name, place) => (ours.includes(name) && !wanted.includes(name) ? [{ name, place }] : []));
}
