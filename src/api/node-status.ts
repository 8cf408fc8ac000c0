import { createHash } from 'node:crypto';
import { LABELS, nodeLabel, suffixed } from './names.ts';
import type { NodeStatus } from './types.ts';

/** What a label's value may have. */
const MOST = 63;
/** What an object's name may have. */
const MOST_NAME = 253;

/** A profile, as its node statuses name it. */
export interface Owner {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** SPO's label for a profile of any kind: KIND-NAME, shortened by a hash. */
function profileId(kind: string, name: string): string {
  const plain = `${kind}-${name}`;
  return plain.length < MOST ? plain : `${kind}-${hashOf(plain).slice(0, MOST - kind.length - 1)}`;
}

/**
 * PROFILE-NODE, as in SPO.
 * @param taken that is the name of another's: of another kind, or of profile `a-b` on node `c` where this is `a` on `b-c`.
 */
export function nodeStatusName({ kind, name }: Owner, node: string, taken: boolean): string {
  const plain = `${name}-${node}`;
  return taken || plain.length > MOST_NAME ? suffixed(plain, kind, `${name}/${node}`) : plain;
}

export function nodeStatusLabels({ kind, name }: Owner, node: string, state: string): Record<string, string> {
  return {
    [LABELS.profileId]: profileId(kind, name),
    [LABELS.nodeName]: nodeLabel(node),
    [LABELS.profileState]: state,
    [LABELS.profileKind]: kind,
  };
}

/** Whose a node status is; undefined for one that is nobody's. */
export function ownerOf({
  metadata,
}: {
  readonly metadata: NodeStatus['metadata'] & { readonly ownerReferences?: readonly Owner[] };
}): Owner | undefined {
  return metadata.ownerReferences?.[0];
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
