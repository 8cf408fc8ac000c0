import { LRUCache } from 'lru-cache';
import { type CriIdentity, RuntimeAway, RuntimeClient } from '../../container/cri/client.ts';
import { runtimeEndpoints } from '../../container/cri/endpoints.ts';
import type { Log } from '../../kube/log.ts';
import type { PodObject } from './cluster.ts';
import { uidOf } from './pod.ts';

const MOST = 4096;
const PATIENCE = 2000; // milliseconds
const AGAIN = 10_000; // milliseconds
/** Pods that are gone stay known for what ends behind them. */
const MOST_GONE = 1024;

/** What is known of a container's cgroup. */
export type Identity = { readonly sandbox: true } | ContainerIdentity;

export interface ContainerIdentity {
  readonly sandbox: false;
  readonly name: string;
  /** Of the runtime; empty: the default one. */
  readonly handler: string;
  /** What is behind it ({@link runtimesOf}); empty: nobody has said. */
  readonly runtime: string;
  readonly podUid: string;
  /** Milliseconds since the epoch; absent where the runtime has not told. */
  readonly createdAt?: number;
}

/** Which container of which pod an id is: asked of the runtime, which knows before the first process runs; else of the pod's status. */
export class Identities implements Disposable {
  readonly #known = new LRUCache<string, CriIdentity>({ max: MOST });
  readonly #pods = new Map<string, PodObject>();
  readonly #gone = new LRUCache<string, PodObject>({ max: MOST_GONE });
  readonly #log: Log;
  readonly #runtimes: readonly RuntimeClient[];
  #awayUntil = 0;

  constructor(log: Log, endpoints = runtimeEndpoints()) {
    this.#log = log;
    this.#runtimes = endpoints.map((endpoint) => new RuntimeClient(endpoint));
  }

  podChanged(now: PodObject | undefined, before: PodObject | undefined): void {
    if (before) {
      for (const uid of uidsOf(before)) {
        this.#pods.delete(uid);
        this.#gone.set(uid, before);
      }
    }
    if (now) for (const uid of uidsOf(now)) this.#pods.set(uid, now);
  }

  /** The pod with this UID, or a static one of this hash; one that is gone too, for a while. */
  pod(uid: string): PodObject | undefined {
    return this.#pods.get(uid) ?? this.#gone.get(uid);
  }

  lives(uid: string): boolean {
    return this.#pods.has(uid);
  }

  /**
   * @param podUid where it is known, by its cgroup for example.
   * @returns undefined where it is not known yet.
   */
  async identify(containerId: string, podUid?: string): Promise<Identity | undefined> {
    const known = this.#known.get(containerId) ?? (await this.#ask(containerId));
    if (known?.sandbox) return known;
    if (known) {
      const { name, handler, runtime, createdAt } = known;
      const time = createdAt === undefined ? {} : { createdAt };
      return { sandbox: false, name, handler, runtime, podUid: podUid ?? known.podUid, ...time };
    }
    const pods = podUid === undefined ? this.#pods.values() : [this.pod(podUid)];
    for (const pod of pods) {
      const name = pod?.containers.find(({ id }) => id === containerId)?.name;
      const uid = podUid ?? pod?.metadata.uid ?? '';
      if (name !== undefined) return { sandbox: false, name, handler: '', runtime: '', podUid: uid };
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    for (const runtime of this.#runtimes) runtime[Symbol.dispose]();
  }

  async #ask(containerId: string): Promise<CriIdentity | undefined> {
    if (Date.now() < this.#awayUntil) return undefined;
    for (const runtime of this.#runtimes) {
      try {
        const found = await runtime.identify(containerId, Date.now() + PATIENCE);
        if (!found) continue;
        this.#known.set(containerId, found);
        return found;
      } catch (error) {
        if (!(error instanceof RuntimeAway)) throw error;
        this.#log.warn({ error }, 'the container runtime does not answer; containers are known by their pods’ status');
        this.#awayUntil = Date.now() + AGAIN;
      }
    }
    return undefined;
  }
}

function uidsOf(pod: PodObject): string[] {
  return [pod.metadata.uid, uidOf(pod)].filter((uid) => uid !== undefined);
}
