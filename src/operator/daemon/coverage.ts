import type { Condition } from '../../api/conditions.ts';
import type { NodeObject } from '../profiles/view.ts';

/** Nodes that a condition names. */
const MOST = 10;

/** Whether each node that pods can be scheduled to has an agent that is ready; a pod elsewhere would run under no profile of ours. */
export function coverage(
  nodes: Iterable<Pick<NodeObject, 'metadata' | 'schedulable'>>,
  covered: ReadonlySet<string>,
): Pick<Condition, 'type' | 'status' | 'reason' | 'message'> {
  const schedulable = [...nodes].filter((node) => node.schedulable).map(({ metadata }) => metadata.name);
  const without = schedulable.filter((name) => !covered.has(name)).sort();
  const type = 'CoversAllNodes';
  if (without.length === 0)
    return { type, status: 'True', reason: 'EveryNode', message: `${schedulable.length} nodes have an agent` };
  const names = without.slice(0, MOST).join(', ') + (without.length > MOST ? ` and ${without.length - MOST} more` : '');
  const message = `of ${schedulable.length} nodes ${without.length} have no agent that is ready: ${names}. See their pods, and spec.scheduling`;
  return { type, status: 'False', reason: 'NodesWithoutAgent', message };
}
