import { type KubeObject, keyOf } from '../../src/kube/object.ts';

export type Stored = KubeObject & { metadata: { resourceVersion: string; uid: string } } & Record<string, unknown>;

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  /** The type's address, `/api/v1/pods`. */
  readonly of: string;
  readonly object: Stored;
}

/** What an API server answers with other than an object. */
export class Refusal extends Error {
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string, message = reason) {
    super(message);
    this.code = code;
    this.reason = reason;
  }

  get status(): object {
    const { code, reason, message } = this;
    return { apiVersion: 'v1', kind: 'Status', status: 'Failure', code, reason, message };
  }
}

/** Objects with versions, and what happened to them, as etcd keeps them. */
export class Objects {
  readonly #objects = new Map<string, Stored>();
  readonly #history: Change[] = [];
  readonly #tell: (change: Change) => void;
  #version = 1;
  #oldest = 0;
  #births = 0;

  constructor(tell: (change: Change) => void) {
    this.#tell = tell;
  }

  get version(): number {
    return this.#version;
  }

  all(type: string): Stored[] {
    const prefix = `${type} `;
    const found = [...this.#objects].filter(([key]) => key.startsWith(prefix));
    return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  get(type: string, key: string): Stored {
    const found = this.#objects.get(`${type} ${key}`);
    if (!found) throw new Refusal(404, 'NotFound', `${key} not found`);
    return found;
  }

  create(type: string, object: KubeObject): Stored {
    const id = `${type} ${keyOf(object)}`;
    if (this.#objects.has(id)) throw new Refusal(409, 'AlreadyExists', `${keyOf(object)} already exists`);
    return this.#write('ADDED', type, { ...object, metadata: { ...object.metadata, uid: `uid-${++this.#births}` } });
  }

  /** As it is, the UID too: what others than the API server have made. */
  adopt(type: string, object: KubeObject): Stored {
    return this.#write(this.#objects.has(`${type} ${keyOf(object)}`) ? 'MODIFIED' : 'ADDED', type, object);
  }

  /** @throws Refusal 409 where the version is given, and another than the present one. */
  replace(type: string, object: KubeObject): Stored {
    const { uid, resourceVersion } = this.get(type, keyOf(object)).metadata;
    const given = object.metadata.resourceVersion;
    if (given !== undefined && given !== resourceVersion) throw new Refusal(409, 'Conflict', 'the object was modified');
    return this.#write('MODIFIED', type, { ...object, metadata: { ...object.metadata, uid } });
  }

  remove(type: string, key: string, preconditions: { uid?: string } = {}): Stored {
    const object = this.get(type, key);
    if (preconditions.uid !== undefined && preconditions.uid !== object.metadata.uid)
      throw new Refusal(409, 'Conflict', 'another uid');
    return this.#write('DELETED', type, object);
  }

  /** What happened behind a version. @throws Refusal 410 where that is no longer kept. */
  since(type: string, version: number): Change[] {
    if (version < this.#oldest) throw new Refusal(410, 'Expired', `too old resource version: ${version}`);
    return this.#history.filter((change) => change.of === type && change.version > version);
  }

  /** Forgets all that happened so far. */
  compact(): void {
    this.#oldest = ++this.#version;
    this.#history.length = 0;
  }

  #write(type: Change['type'], of: string, object: KubeObject): Stored {
    const version = ++this.#version;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } } as Stored;
    const id = `${of} ${keyOf(stored)}`;
    if (type === 'DELETED') this.#objects.delete(id);
    else this.#objects.set(id, stored);
    const change = { type, version, of, object: stored };
    this.#history.push(change);
    this.#tell(change);
    return stored;
  }
}
