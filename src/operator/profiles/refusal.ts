import { modeOf } from '../../api/rollout.ts';
import { audited } from '../../profile/seccomp/audit-mode.ts';
import { withBases } from '../../profile/seccomp/base-profiles.ts';
import { type Limits, notAllowed } from '../../profile/seccomp/limits.ts';
import { toModel } from '../../profile/seccomp/resource.ts';
import type { ProfileObject } from '../recordings/instances.ts';

/**
 * Why the administrator does not let a profile be installed. Its nodes find the same, and tell nothing of it: as in SPO, there are
 * no node statuses of what is not allowed.
 * @param find a profile that may be a base.
 */
export function refusalOf(
  { metadata: { name }, spec, status }: ProfileObject,
  find: (name: string) => ProfileObject | undefined,
  limits: Limits,
): string | undefined {
  const whole = (own: ProfileObject['spec']) =>
    withBases(name, toModel({ spec: own }), (base) => {
      const found = find(base);
      return found && toModel(found);
    });
  try {
    const real = whole(spec);
    if (modeOf({ spec, ...(status && { status }) }) === 'Enforce') return notAllowed(real, limits);
    const last = status?.enforced?.spec;
    return notAllowed(audited(real, last === undefined ? undefined : whole(JSON.parse(last))), limits);
  } catch {
    // It cannot be installed for another reason, which nodes tell.
    return undefined;
  }
}
