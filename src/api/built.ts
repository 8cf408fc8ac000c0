/**
 * Which kinds of profile this version records and installs; what is of another is taken, changes nothing and says so. The
 * policy not-built.spo.io knows it too.
 */
const BUILT = {
  SeccompProfile: true,
  SelinuxProfile: false,
  RawSelinuxProfile: false,
  AppArmorProfile: false,
} as const;

export type AnyProfileKind = keyof typeof BUILT;

export const PROFILE_KINDS = Object.keys(BUILT) as readonly AnyProfileKind[];

export function isBuilt(kind: AnyProfileKind): boolean {
  return BUILT[kind];
}

/** The reason of an event. */
export const NOT_BUILT = 'KindNotBuilt';

export function notInstalled(kind: AnyProfileKind): string {
  return `${kind}s are not installed by this version`;
}

export function notRecorded(kind: AnyProfileKind): string {
  return `${kind}s are not recorded by this version`;
}
