import { LABELS } from '../../api/names.ts';
import { type ReferringPod, referencesByContainer, referencesOf } from '../../api/references.ts';
import type { ProfileRecording } from '../../api/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../kube/log.ts';
import { customResource, type KubeObject, NAMESPACES, PODS } from '../../kube/object.ts';
import { Informer } from '../../kube/reflector.ts';
import { CONFIG_HASH, LOG_SESSION, type Pod, type PodContainer } from './pod.ts';

/** What the agent sees of the cluster: its own node's pods, all recordings, and the namespaces that may be recorded. */
export interface ClusterView {
  readonly pods: Informer<PodObject>;
  readonly recordings: Informer<ProfileRecording & KubeObject>;
  readonly namespaces: Informer;
}

export type PodObject = Pod &
  KubeObject & {
    /** The profiles that it needs, as referencesOf() gives them. */
    readonly uses?: readonly string[];
    /** The same by container, for those that need one. */
    readonly profiles?: Readonly<Record<string, string>>;
    /** What has made it. */
    readonly owner?: { readonly kind: string; readonly name: string };
    /** When kubelet began with it, milliseconds since the epoch, the second below; of one that needs a profile. */
    readonly startedAt?: number;
  };

/** @param labelledOnly to record only pods with the label for that, and to keep next to nothing of others. */
export function watchCluster(
  client: KubeClient,
  log: Log,
  { node, labelledOnly = false }: { readonly node: string; readonly labelledOnly?: boolean },
): ClusterView {
  return {
    pods: new Informer<PodObject>(
      { client, resource: PODS, log },
      { fieldSelector: `spec.nodeName=${node}`, transform: labelledOnly ? labelledPodOf : podOf },
    ),
    recordings: new Informer<ProfileRecording & KubeObject>({
      client,
      resource: customResource('profilerecordings', 'ProfileRecording', true),
      log,
    }),
    namespaces: new Informer(
      { client, resource: NAMESPACES, log },
      {
        labelSelector: LABELS.enableRecording,
        transform: ({ metadata: { name, uid, resourceVersion } }) => ({
          metadata: { name, uid, resourceVersion } as KubeObject['metadata'],
        }),
      },
    ),
  };
}

/** Until all that there is has been told once, or `signal` aborts. */
export async function synced({ pods, recordings, namespaces }: ClusterView, signal: AbortSignal): Promise<void> {
  try {
    await Promise.all([pods.synced, recordings.synced, namespaces.synced]);
  } catch (error) {
    // Informers that are told to stop before they have seen anything say that they have not.
    if (!signal.aborted) throw error;
  }
}

/** What kubelet says of a container that the runtime could not start. */
const NEVER = '1970-01-01T00:00:00Z';

interface Terminated {
  readonly containerID?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

interface ContainerStatus {
  readonly name: string;
  readonly containerID?: string;
  readonly state?: {
    readonly terminated?: Terminated & { readonly exitCode: number };
  };
  readonly lastState?: { readonly terminated?: Terminated };
}

interface RawPod extends KubeObject {
  readonly spec?: { readonly initContainers?: readonly { readonly name: string; readonly restartPolicy?: string }[] };
  readonly status?: {
    readonly phase?: string;
    readonly startTime?: string;
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly ephemeralContainerStatuses?: readonly ContainerStatus[];
  };
}

/** Little of a pod is kept: a node has hundreds, and each is some ten kilobytes. */
export function podOf(raw: KubeObject): PodObject {
  const { metadata, spec, status } = raw as RawPod;
  const sidecars = new Set(
    spec?.initContainers?.filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name),
  );
  const { name, namespace, uid, resourceVersion, generateName, labels, deletionTimestamp } = metadata;
  const annotations = Object.entries(metadata.annotations ?? {}).filter(
    ([key]) => key === CONFIG_HASH || key.startsWith(LOG_SESSION),
  );
  const uses = referencesOf(raw as ReferringPod);
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  const startedAt = Date.parse(status?.startTime ?? '');
  return {
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(generateName !== undefined && { generateName }),
      ...(labels && { labels }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
    },
    ...(status?.phase !== undefined && { phase: status.phase }),
    ...(uses.length > 0 && { uses, profiles: referencesByContainer(raw as ReferringPod) }),
    ...(uses.length > 0 && owner && { owner: { kind: owner.kind, name: owner.name } }),
    ...(uses.length > 0 && !Number.isNaN(startedAt) && { startedAt }),
    containers: [
      ...(status?.containerStatuses ?? []).flatMap((one) => containersOf(one, false)),
      ...(status?.initContainerStatuses ?? []).flatMap((one) => containersOf(one, !sidecars.has(one.name))),
      ...(status?.ephemeralContainerStatuses ?? []).flatMap((one) => containersOf(one, false)),
    ],
  };
}

/** As {@link podOf}, of a pod that may be recorded; of others, what profiles they use. */
export function labelledPodOf(raw: KubeObject): PodObject {
  const pod = podOf(raw);
  if (pod.metadata.labels?.[LABELS.enableRecording] === 'true') return pod;
  const { name, namespace, uid, resourceVersion, annotations } = pod.metadata;
  const kept = { name, namespace, uid, resourceVersion, ...(annotations && { annotations }) } as PodObject['metadata'];
  return { metadata: kept, ...(pod.uses && { uses: pod.uses }), unlabelled: true, containers: [] };
}

function containersOf({ name, containerID, state, lastState }: ContainerStatus, init: boolean): PodContainer[] {
  const succeededInit = init && state?.terminated?.exitCode === 0;
  const ended = state?.terminated !== undefined;
  const before = lastState?.terminated?.containerID;
  return [
    ...(containerID && containerID !== before
      ? [{ id: bareId(containerID), name, ended, ...timeOf(state?.terminated), succeededInit }]
      : []),
    ...(before
      ? [{ id: bareId(before), name, ended: true, ...timeOf(lastState?.terminated), succeededInit: false }]
      : []),
  ];
}

function timeOf(terminated: Terminated | undefined): Pick<PodContainer, 'endedAt' | 'neverRan'> {
  const endedAt = Date.parse(terminated?.finishedAt ?? '');
  return {
    ...(!Number.isNaN(endedAt) && { endedAt }),
    ...(terminated?.startedAt === NEVER && { neverRan: true as const }),
  };
}

/** `containerd://ID`, `cri-o://ID`. */
function bareId(id: string): string {
  return id.replace(/^[a-z0-9-]+:\/\//, '');
}
