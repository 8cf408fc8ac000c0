import { childCgroups, findPodCgroups, podOfName } from '../../container/kubepods.ts';
import { containerOfName } from '../../container/names.ts';
import { SyscribeError } from '../../platform/errors.ts';
import type { NodeRecorderSettings } from '../../recording/ebpf/node-recorder.ts';

/**
 * The containers of pods that have a cgroup now, by id, with their pods' UIDs. A runtime that was killed may have left one
 * behind; then the pod's status tells that its container has ended.
 * @returns undefined where kubelet's cgroups are not found.
 */
export function containersAlive({
  cgroups,
  cgroupRoot,
}: Pick<NodeRecorderSettings, 'cgroups' | 'cgroupRoot'>): Map<string, string> | undefined {
  let roots: readonly string[];
  try {
    roots = findPodCgroups(cgroups, cgroupRoot).roots;
  } catch (error) {
    if (!(error instanceof SyscribeError)) throw error;
    return undefined;
  }
  const alive = new Map<string, string>();
  for (const pod of roots.flatMap(childCgroups)) {
    const uid = podOfName(pod.name);
    if (uid === undefined) continue;
    for (const { name } of childCgroups(pod.path)) {
      const id = containerOfName(name);
      if (id !== undefined) alive.set(id, uid);
    }
  }
  return alive;
}
