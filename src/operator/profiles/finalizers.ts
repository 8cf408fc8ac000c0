import { FINALIZERS } from '../../api/names.ts';

/** SPO's: NODE-deleted, the node's name cut so that both are no longer than this. */
const MOST = 63;
const ENDING = '-deleted';

/**
 * The finalizers of a profile that is deleted, once these nodes alone still have it. Ours goes with the last node; SPO's one
 * of a node when none that it may mean has it: a cut name may mean several. Others' stay.
 */
export function remaining(finalizers: readonly string[], nodes: readonly string[], inUse: boolean): string[] {
  const held = new Set(nodes.map((node) => node.slice(0, MOST - ENDING.length) + ENDING));
  const alone: readonly string[] = [FINALIZERS.onNodes, FINALIZERS.inUse, FINALIZERS.partialProfile];
  return finalizers.filter((one) => {
    if (alone.includes(one)) return inUse || nodes.length > 0;
    return !isNodes(one) || held.has(one);
  });
}

/** A word without a domain: others' finalizers have one. */
function isNodes(finalizer: string): boolean {
  return finalizer.endsWith(ENDING) && !finalizer.includes('/');
}
