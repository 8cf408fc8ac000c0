import { isBuilt, NOT_BUILT, notInstalled } from '../../api/built.ts';
import { LABELS } from '../../api/names.ts';
import type { ProfileBinding } from '../../api/types.ts';
import type { SecurityContext } from '../pod/pod.ts';

export type BoundKind = ProfileBinding['spec']['profileRef']['kind'];

/** What is looked at of a profile of any kind. */
export interface BoundProfile {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: { readonly state?: string };
  readonly status?: { readonly status?: string; readonly localhostProfile?: string; readonly usage?: string };
}

/** The field of a security context that a kind is given by. */
export const FIELDS = {
  SeccompProfile: 'seccompProfile',
  SelinuxProfile: 'seLinuxOptions',
  AppArmorProfile: 'appArmorProfile',
} as const satisfies Record<BoundKind, keyof SecurityContext>;

/** What a pod refers to a profile by. */
export type Reference =
  | { readonly value: Readonly<Record<string, string>>; readonly warning?: string }
  /** Why no pod can be given it, by the reason of an event. */
  | { readonly reason: string; readonly message: string };

/**
 * @param profile undefined: there is none of that name.
 * @param installed whether profiles of a kind get to nodes. Where they do not, a pod that referred to one could not start.
 */
export function referenceTo(
  { kind, name }: ProfileBinding['spec']['profileRef'],
  profile: BoundProfile | undefined,
  installed: (kind: BoundKind) => boolean = isBuilt,
): Reference {
  if (!installed(kind)) return { reason: NOT_BUILT, message: notInstalled(kind) };
  const what = `${kind} ${name}`;
  if (!profile) return { reason: 'ProfileNotFound', message: `there is no ${what}` };
  if (profile.metadata.labels?.[LABELS.partial] !== undefined)
    return { reason: 'ProfilePartial', message: `${what} is still being recorded` };
  if (profile.spec?.state === 'Disabled') return { reason: 'ProfileDisabled', message: `${what} is disabled` };
  const status = profile.status?.status;
  // Where a file is and what a type is called follows from the name: a pod that is there first waits for its node.
  const warning = status === 'Installed' ? {} : { warning: `${what} is not installed on every node yet` };
  return { value: contextValue(kind, name, profile), ...warning };
}

/** Runtimes take an AppArmor profile by its own name, the others by what its status says. */
function contextValue(kind: BoundKind, name: string, { status }: BoundProfile): Readonly<Record<string, string>> {
  if (kind === 'SelinuxProfile') return { type: status?.usage ?? `${name}.process` };
  const file = kind === 'SeccompProfile' ? (status?.localhostProfile ?? `operator/${name}.json`) : name;
  return { type: 'Localhost', localhostProfile: file };
}
