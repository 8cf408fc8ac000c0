import type { ClusterView, PodObject } from '../../pods/cluster.ts';
import type { ContainerIdentity, Identities } from '../../pods/identities.ts';
import { hasLogSession, uidOf } from '../../pods/pod.ts';
import type { PodEvents } from '../../pods/pod-events.ts';
import { runtimesOf } from '../../pods/runtimes.ts';
import type { ContainerRecord } from '../container-record.ts';
import type { Records } from '../record-store.ts';
import { loggedFor, recordFor, recordId } from '../selection.ts';

export type Alive = ReadonlyMap<string, string> | undefined;

/** A container that is recorded from the log. */
export interface Owned {
  readonly id: string;
  readonly pod: Pick<PodObject, 'metadata'>;
  readonly container: string;
  readonly ended: boolean;
  readonly records: readonly ContainerRecord[];
}

export interface OwnersParts {
  readonly view: ClusterView;
  readonly identities: Identities;
  readonly records: Records;
  readonly events: PodEvents;
}

/** Whose a container is of which the log tells, and for which recordings it is recorded. */
export class Owners {
  readonly #parts: OwnersParts;

  constructor(parts: OwnersParts) {
    this.#parts = parts;
  }

  /** Records by Logs that go on. */
  unfinished(): ContainerRecord[] {
    return this.#parts.records.list().filter(({ recording, finished }) => recording.recorder === 'Logs' && !finished);
  }

  /** Containers that run or are about to, under the profile that logs, as their pods' status tells. */
  running(): { pod: PodObject; id: string; container: string }[] {
    return [...this.#parts.view.pods.list()].flatMap((pod) =>
      pod.containers.flatMap(({ id, name, ended }) =>
        !ended && hasLogSession(pod, name) && this.#mayBeRecorded(pod) ? [{ pod, id, container: name }] : [],
      ),
    );
  }

  /** Containers that ended after that and ran under the profile that logs, and of which no record knows. */
  endedSince(time: number): { id: string; endedAt: number }[] {
    const known = new Set(
      this.#parts.records.list().flatMap(({ current, ended }) => [...Object.keys(current), ...ended]),
    );
    return [...this.#parts.view.pods.list()].flatMap((pod) =>
      pod.containers.flatMap(({ id, name, endedAt = 0 }) =>
        endedAt >= time && hasLogSession(pod, name) && this.#mayBeRecorded(pod) && !known.has(id)
          ? [{ id, endedAt }]
          : [],
      ),
    );
  }

  /**
   * @param alive containers that have a cgroup now, where that can be told.
   * @returns `unknown` where that may still become known, `other` for what is not recorded.
   */
  async find(id: string, alive: Alive): Promise<Owned | 'unknown' | 'other'> {
    const { identities } = this.#parts;
    const begun = this.unfinished().filter(({ current }) => current[id] !== undefined);
    // Pod and runtime may have forgotten it by now.
    if (begun[0]) {
      const { pod, container } = begun[0];
      return { id, pod: { metadata: pod }, container, ended: this.#hasEnded(id, pod.uid, alive), records: begun };
    }
    const identity = await identities.identify(id, alive?.get(id));
    if (!identity) return 'unknown';
    const pod = identity.sandbox ? undefined : identities.pod(identity.podUid);
    if (identity.sandbox) return 'other';
    if (!pod) return 'unknown';
    const { name: container, podUid } = identity;
    if (!hasLogSession(pod, container)) return 'other';
    const records = this.#recordsOf(pod, identity);
    // The webhook may know a recording that is not told here yet.
    if (records.length === 0) return 'unknown';
    return { id, pod, container, ended: this.#hasEnded(id, podUid, alive), records };
  }

  /** By its pod's status, or by its cgroup's end. */
  #hasEnded(id: string, podUid: string, alive: Alive): boolean {
    const { identities } = this.#parts;
    if (identities.pod(podUid)?.containers.some((one) => one.id === id && one.ended)) return true;
    return !(alive ? alive.has(id) : identities.lives(podUid));
  }

  #mayBeRecorded({ metadata }: PodObject): boolean {
    return this.#parts.view.namespaces.get(metadata.namespace ?? '') !== undefined;
  }

  #recordsOf(pod: PodObject, { name: container, handler, runtime }: ContainerIdentity): readonly ContainerRecord[] {
    const { records, view, events } = this.#parts;
    const uid = uidOf(pod);
    const running = this.unfinished().filter((record) => record.pod.uid === uid && record.container === container);
    const recording = loggedFor(pod, container, (key) => view.recordings.get(key));
    if (!recording || !this.#mayBeRecorded(pod) || records.get(recordId(recording.metadata.uid ?? '', uid, container)))
      return running;
    const runtimes = runtimesOf(runtime);
    if (runtimes === undefined) {
      const message = `${container} runs by ${handler || runtime}, whose containers cannot be recorded`;
      events.tell(pod, 'Warning', 'UnsupportedRuntime', message);
      return running;
    }
    return [...running, recordFor(recording, pod, container, runtimes)];
  }
}
