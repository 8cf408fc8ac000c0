import type { Condition } from '../../api/conditions.ts';
import { deniedCalls } from '../../api/denials.ts';
import { APPROVE, promoteAfter, type Rollout } from '../../api/rollout.ts';
import type { SeccompProfile } from '../../api/types.ts';

export const CLEAN = 'Clean';
const MOST_NAMED = 20;

export interface Decision {
  readonly promote: boolean;
  readonly clean: Omit<Condition, 'lastTransitionTime'>;
}

/**
 * Whether a profile may be enforced.
 * @param unwatched nodes with its pods of which not all is known that they log, and why.
 */
export function decide(
  wanted: NonNullable<SeccompProfile['spec']['rollout']>,
  rollout: Rollout,
  unwatched: readonly string[],
): Decision {
  const { denied = [], deniedLeft = 0, generation, mode, cleanSeconds = 0, containers = 0, nodes = 0 } = rollout;
  const condition = (status: Condition['status'], reason: string, message: string): Decision['clean'] => {
    return { type: CLEAN, status, reason, message, observedGeneration: generation };
  };
  const held = (clean: Decision['clean']): Decision => ({ promote: false, clean });
  if (denied.length + deniedLeft > 0) {
    const does = mode === 'Enforce' ? 'is refused' : 'would be refused';
    const remedy = `let through by the annotation ${APPROVE}, or refuse by a rule of its own`;
    return held(condition('False', 'Denied', `${does}: ${nameSome(deniedCalls(denied))}; ${remedy}`));
  }
  if (unwatched.length > 0) return held(condition('Unknown', 'NotWatched', nameSome(unwatched)));
  if (mode === 'Enforce') return held(condition('True', 'Enforced', 'nothing was logged that it refuses'));
  if (containers === 0)
    return held(
      condition(
        'Unknown',
        'NothingRan',
        'no container has begun under it yet; those that run keep what they began with',
      ),
    );
  const { promoteAfter: after = '24h', minContainers = 1, minNodes = 1 } = wanted;
  const promote =
    cleanSeconds * 1000 >= promoteAfter({ rollout: wanted }) && containers >= minContainers && nodes >= minNodes;
  const least = `minContainers: ${minContainers}, minNodes: ${minNodes}`;
  const message = `it is enforced after ${after} without a call that it would refuse (${least})`;
  return { promote, clean: condition('True', 'NothingDenied', message) };
}

function nameSome(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  return names.slice(0, MOST_NAMED).join(', ') + (more > 0 ? ` and ${more} others` : '');
}
