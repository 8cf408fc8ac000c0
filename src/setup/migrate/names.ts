import { isDeepStrictEqual } from 'node:util';
import { PROFILE_KINDS } from '../../api/built.ts';
import { LABELS } from '../../api/names.ts';
import { localhostProfile } from '../../api/references.ts';

/** An object of ours in v1, as it is kept in a file. */
export interface Kept {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
}

export interface Moved {
  readonly objects: readonly Kept[];
  /** What pods have to say from now on, by what they said: files of profiles. */
  readonly files: ReadonlyMap<string, string>;
  /** Profiles that were left out, since their recording is not over. */
  readonly partial: readonly string[];
}

const PROFILES: readonly string[] = PROFILE_KINDS;
/** What kubectl and the API server write; it means nothing elsewhere. */
const NOT_KEPT = 'kubectl.kubernetes.io/last-applied-configuration';
/** Of profiles of these kinds others know the name. */
const SECCOMP = 'SeccompProfile';

interface Reference {
  readonly kind: string;
  readonly name: string;
}

/**
 * Profiles without their namespaces: under their names where nobody else has it, or all who have it say the same; else
 * NAMESPACE-NAME. Bindings and bases follow.
 */
export function moved(found: readonly Kept[]): Moved {
  const whole = found.filter(({ metadata }) => metadata.labels?.[LABELS.partial] === undefined);
  const names = newNames(whole.filter(({ kind }) => PROFILES.includes(kind)));
  const nameOf = (kind: string, namespace: string | undefined, name: string) =>
    names.get(`${kind} ${namespace}/${name}`) ?? name;
  const objects = new Map<string, Kept>();
  const files = new Map<string, string>();
  for (const object of whole) {
    const { kind, metadata } = object;
    const { namespace, name } = metadata;
    const profile = PROFILES.includes(kind);
    const renamed = profile ? nameOf(kind, namespace, name) : name;
    if (kind === SECCOMP) files.set(`operator/${namespace}/${fileOf(name)}`, localhostProfile(renamed));
    const spec = specOf(object, nameOf);
    const { labels, annotations } = plain(metadata);
    const kept = { name: renamed, ...(profile ? {} : { namespace }), ...labels, ...annotations };
    objects.set(`${kind} ${profile ? '' : namespace}/${renamed}`, {
      apiVersion: object.apiVersion,
      kind,
      metadata: kept as Kept['metadata'],
      ...(spec && { spec }),
    });
  }
  const partial = found.filter((object) => !whole.includes(object)).map(({ metadata }) => keyOf(metadata));
  return { objects: [...objects.values()], files, partial };
}

function newNames(profiles: readonly Kept[]): Map<string, string> {
  const byName = Map.groupBy(profiles, ({ kind, metadata }) => `${kind} ${metadata.name}`);
  const names = new Map<string, string>();
  for (const same of byName.values()) {
    const alike = same.every(({ spec }) => isDeepStrictEqual(spec, same[0]?.spec));
    for (const { kind, metadata } of same) {
      const { namespace, name } = metadata;
      names.set(`${kind} ${namespace}/${name}`, alike ? name : `${namespace}-${name}`);
    }
  }
  return names;
}

function specOf(
  { kind, metadata: { namespace }, spec }: Kept,
  nameOf: (kind: string, namespace: string | undefined, name: string) => string,
): Kept['spec'] {
  const base = spec?.baseProfileName;
  if (kind === SECCOMP && typeof base === 'string' && !base.includes('://'))
    return { ...spec, baseProfileName: nameOf(SECCOMP, namespace, base) };
  const reference = spec?.profileRef as Reference | undefined;
  if (kind === 'ProfileBinding' && reference)
    return { ...spec, profileRef: { ...reference, name: nameOf(reference.kind, namespace, reference.name) } };
  return spec;
}

function plain({ labels, annotations = {} }: Kept['metadata']) {
  const { [NOT_KEPT]: _, ...others } = annotations;
  return {
    labels: labels && { labels },
    annotations: Object.keys(others).length > 0 ? { annotations: others } : {},
  };
}

function fileOf(name: string): string {
  return name.endsWith('.json') ? name : `${name}.json`;
}

function keyOf({ namespace, name }: Kept['metadata']): string {
  return `${namespace}/${name}`;
}
