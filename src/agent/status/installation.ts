import { isDeepStrictEqual } from 'node:util';
import type { ProfileState } from '../../api/conditions.ts';
import type { Owner } from '../../api/node-status.ts';
import type { NodeRollout } from '../../api/rollout.ts';

/** Pods that come and go, and counts, are not told more often, milliseconds. */
export const PAUSE = 5000;

/** What has become of a profile on this node. */
export interface Told {
  readonly state: ProfileState;
  /** Why, where it is an Error. */
  readonly message?: string;
  readonly generation: number | undefined;
  /** NAMESPACE/POD of this node's pods that use it, sorted. */
  readonly pods: readonly string[];
  /** Of one that is rolled out. */
  readonly rollout?: NodeRollout;
}

export function keyOf({ kind, name }: Pick<Owner, 'kind' | 'name'>): string {
  return `${kind}/${name}`;
}

interface Counted {
  readonly activeWorkloads?: readonly string[];
  readonly pods?: number;
  readonly rollout?: NodeRollout;
}

/**
 * Whether nothing differs but which pods there are, how often calls were refused, and times; the first pod that comes and the last
 * that goes count for more, and so do calls that are new.
 */
export function isPatient(now: Counted | undefined, before: Counted | undefined): boolean {
  return isDeepStrictEqual(urgent(now), urgent(before));
}

function urgent(told: Counted = {}): unknown {
  const { activeWorkloads: _, pods = 0, rollout, ...rest } = told;
  const { digest, mode, stream, denied = [] } = rollout ?? {};
  const calls = denied.map(({ syscall, workload }) => `${syscall} ${workload}`);
  return { ...rest, used: pods > 0, digest, mode, stream, calls };
}
