import type { Action, Profile } from './model.ts';

/** What an administrator lets profiles say. */
export interface Limits {
  /** Calls that profiles may let through; absent or empty: all. */
  readonly allowedSyscalls?: readonly string[];
  /** Actions that profiles may take to let calls through; absent or empty: all of them. */
  readonly allowedSeccompActions?: readonly string[];
}

/** By these a call is made, or may be: a tracer or an agent decides. */
const PERMISSIVE: readonly Action[] = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE', 'SCMP_ACT_NOTIFY'];

export function isPermissive(action: Action): boolean {
  return PERMISSIVE.includes(action);
}

/**
 * Why a profile, with its bases, is not allowed; undefined where it is. Unlike SPO, which does not look at the calls of an
 * action that is left out of `allowedSeccompActions`, such an action is refused.
 */
export function notAllowed(
  { defaultAction, syscalls }: Profile,
  { allowedSyscalls = [], allowedSeccompActions = [] }: Limits,
): string | undefined {
  if (allowedSeccompActions.length > 0) {
    const actions = [defaultAction, ...syscalls.map(({ action }) => action)].filter(isPermissive);
    const action = actions.find((one) => !allowedSeccompActions.includes(one));
    if (action !== undefined) return `seccomp action not allowed: ${action}`;
  }
  if (allowedSyscalls.length === 0) return undefined;
  if (isPermissive(defaultAction))
    return `seccomp profile not allowed: ${defaultAction} lets through calls that it does not name`;
  const allowed = new Set(allowedSyscalls);
  const names = syscalls.filter(({ action }) => isPermissive(action)).flatMap((rule) => rule.names);
  const name = names.find((one) => !allowed.has(one));
  return name === undefined ? undefined : `syscall not allowed: ${name}`;
}
