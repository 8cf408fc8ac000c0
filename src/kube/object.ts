/** What is used of `metav1.ObjectMeta`. */
interface Metadata {
  /** Empty for one that is to be created under a `generateName`. */
  readonly name: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** An object as the API server's JSON has it; times are strings. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: Metadata;
}

/** Which object is meant. */
export interface Reference {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** A type of objects, as its addresses are made of. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export interface Place {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

export const PODS = core('pods', 'Pod', true);
export const NODES = core('nodes', 'Node', false);
export const NAMESPACES = core('namespaces', 'Namespace', false);
export const SECRETS = core('secrets', 'Secret', true);
export const EVENTS = core('events', 'Event', true);
export const LEASES: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};

/** One of the kinds in `src/api`. */
export function customResource(plural: string, kind: string, namespaced: boolean, version = 'v1'): Resource {
  return { group: 'security-profiles-operator.x-k8s.io', version, plural, kind, namespaced };
}

export function apiVersionOf({ group, version }: Resource): string {
  return group === '' ? version : `${group}/${version}`;
}

/**
 * The address of an object, or of all of a type (in a namespace, or everywhere where none is given).
 * @throws TypeError for a name that would lead elsewhere, or one without its namespace.
 */
export function pathOf(resource: Resource, { namespace, name, subresource }: Place = {}): string {
  if (resource.namespaced && name !== undefined && !namespace)
    throw new TypeError(`${resource.kind} ${name} without a namespace`);
  const parts = [resource.group === '' ? 'api' : 'apis', ...apiVersionOf(resource).split('/')];
  if (resource.namespaced && namespace) parts.push('namespaces', namespace);
  parts.push(resource.plural);
  if (name !== undefined) parts.push(name);
  if (subresource !== undefined) parts.push(subresource);
  const wrong = parts.find((part) => part === '' || part === '.' || part === '..');
  if (wrong !== undefined) throw new TypeError(`"${wrong}" is no name of a ${resource.kind}`);
  return `/${parts.map(encodeURIComponent).join('/')}`;
}

/** `namespace/name`, or `name`. */
export function keyOf({ metadata: { namespace, name } }: KubeObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function core(plural: string, kind: string, namespaced: boolean): Resource {
  return { group: '', version: 'v1', plural, kind, namespaced };
}

/** Versions of one type are numbers that grow (Kubernetes 1.35 says so; etcd's always have). */
export function isOlder(one: KubeObject, other: KubeObject): boolean {
  if (one.metadata.uid !== other.metadata.uid) return false;
  return Number(one.metadata.resourceVersion) < Number(other.metadata.resourceVersion);
}
