import { traceAnnotation } from '../../api/names.ts';

/** What is kept of a pod: all that recording needs to know of it. */
export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly generateName?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly phase?: string;
  /** It may not be recorded, since only pods with the label for that may; little else is known of it. */
  readonly unlabelled?: true;
  /** Every container that the kubelet has told of, by id. */
  readonly containers: readonly PodContainer[];
}

export interface PodContainer {
  readonly id: string;
  readonly name: string;
  /** Its processes are gone. One that is not is about to run, or runs. */
  readonly ended: boolean;
  /** When they went, milliseconds since the epoch, to within a second before; absent where that is not told. */
  readonly endedAt?: number;
  /** It has ended without having begun. */
  readonly neverRan?: true;
  /** An init container that has done its work: it is not started again. */
  readonly succeededInit: boolean;
}

/** On the mirror that the kubelet makes of a static pod; its cgroup is named by it, as those of others by their UIDs. */
export const CONFIG_HASH = 'kubernetes.io/config.hash';

/** By what a pod's containers are known to be its: the mirror of a static pod may be made anew under another UID while they run. */
export function uidOf(pod: Pick<Pod, 'metadata'>): string {
  return configHash(pod) ?? pod.metadata.uid ?? '';
}

/** Anybody may annotate a pod: what looks like the UID of another one is no hash of a manifest. */
export function configHash({ metadata }: Pick<Pod, 'metadata'>): string | undefined {
  const hash = metadata.annotations?.[CONFIG_HASH];
  return hash !== undefined && /^[0-9a-f]{32}$/.test(hash) ? hash : undefined;
}

/** What the webhook gives to containers that are recorded from the log, the container's name behind. */
export const LOG_SESSION = traceAnnotation('SeccompProfile', 'Logs') as string;

/** Whether the webhook has made a container run under the profile that logs. */
export function hasLogSession({ metadata, unlabelled }: Pod, container: string): boolean {
  return !unlabelled && metadata.annotations?.[LOG_SESSION + container] !== undefined;
}
