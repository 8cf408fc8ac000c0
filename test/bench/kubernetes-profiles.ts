/** Profiles that the bench makes, and when they are what they are to become. */
import { GROUP } from '../../src/api/crd.ts';
import type { SeccompProfile } from '../../src/api/types.ts';
import { customResource, type KubeObject } from '../../src/kube/object.ts';
import type { Profile } from '../system/cluster/watched.ts';
import type { BenchCluster } from './kubernetes-cluster.ts';

const PROFILES = customResource('seccompprofiles', 'SeccompProfile', false);
/** Calls of a profile: about as many as a server has. */
const SERVER = 80;
const WRITERS = 8;

export function madeUpProfile(name: string, calls = SERVER): SeccompProfile & KubeObject {
  const names = Array.from({ length: calls }, (_, index) => `call_${index}`);
  return {
    apiVersion: `${GROUP}/v1`,
    kind: 'SeccompProfile',
    metadata: { name } as KubeObject['metadata'],
    spec: { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] },
  };
}

/** Creates profiles, and waits until all are Installed, of this generation; milliseconds of the first and the last. */
export async function installAll(
  { eyes }: BenchCluster,
  names: readonly string[],
  calls?: number,
): Promise<{ readonly created: number; readonly installed: number }> {
  const wanted = new Set(names);
  const begun = performance.now();
  const installed = eyes.profiles
    .all((all) => all.filter((one) => wanted.has(one.metadata.name) && isInstalled(one)).length === wanted.size)
    .then(() => performance.now() - begun);
  const left = [...names];
  const writer = async () => {
    for (let name = left.pop(); name !== undefined; name = left.pop())
      await eyes.client.create(PROFILES, madeUpProfile(name, calls));
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  const created = performance.now() - begun;
  return { created, installed: await installed };
}

/** Changes a profile, and waits until every node has it as it is now; milliseconds. */
export async function changeAll({ eyes }: BenchCluster, name: string): Promise<number> {
  const begun = performance.now();
  const patch = { spec: { defaultAction: 'SCMP_ACT_KILL_PROCESS' } };
  const { metadata } = await eyes.client.patch(PROFILES, { name }, patch, { type: 'merge' });
  await eyes.profiles.until(name, (one) => isInstalled(one, metadata.generation));
  return performance.now() - begun;
}

function isInstalled({ status }: Profile, generation = 1): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && (ready.observedGeneration ?? 0) >= generation;
}
