import type { NodeStatus, ProfileBinding, ProfileRecording, SeccompProfile } from '../../../src/api/types.ts';
import { KubeClient } from '../../../src/kube/client.ts';
import { loadConnection } from '../../../src/kube/config.ts';
import { customResource, type KubeObject, keyOf, PODS, type Resource } from '../../../src/kube/object.ts';
import { Informer } from '../../../src/kube/reflector.ts';
import { testsAll } from '../../support/sizes.ts';
import { DIRECTORY } from './node.ts';
import { Processes } from './processes.ts';
import { PATIENCE } from './variables.ts';

export type Profile = SeccompProfile & KubeObject;
export type Told = NodeStatus & KubeObject;
export type Bound = ProfileBinding & KubeObject;
export type Recording = ProfileRecording & KubeObject;
export interface PodObject extends KubeObject {
  readonly spec: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly ready: boolean;
      readonly restartCount: number;
      readonly state: {
        readonly running?: object;
        readonly waiting?: { readonly reason: string };
        readonly terminated?: { readonly exitCode: number };
      };
    }[];
  };
}

const LOOK = 2000; // milliseconds
/** Seconds for what a test waits for: less than the test has, so that its failure says what did not come. */
const WAIT = testsAll() ? 3600 : 150;
/** Characters of an object in an error. */
const SHOWN = 4000;
export const PARTIAL = 'spo.x-k8s.io/partial';

/** It still grows, or waits to be merged. */
export function isPartial({ metadata }: Profile): boolean {
  return metadata.labels?.[PARTIAL] !== undefined;
}

/** Names of the calls that a profile has rules for. */
export function callsOf({ spec }: Profile): string[] {
  return (spec.syscalls ?? []).flatMap(({ names }) => names).sort();
}

export function has(name: string): (profile: Profile) => boolean {
  return (profile) => callsOf(profile).includes(name);
}

/** Whether a recording has everything, and why not. */
export function completeness({ status }: Recording) {
  return status?.conditions?.find(({ type }) => type === 'Complete');
}

/** Objects of a kind as the API server has them: what a test waits for, it sees come. */
export class Watched<T extends KubeObject> {
  readonly #informer: Informer<T>;
  readonly #broken: AbortSignal;

  /** @param broken aborts when what is waited for will not come. */
  constructor(client: KubeClient, resource: Resource, broken: AbortSignal) {
    this.#informer = new Informer<T>({ client, resource });
    this.#broken = broken;
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#informer.run(signal);
  }

  get(key: string): T | undefined {
    return this.#informer.get(key);
  }

  list(): T[] {
    return [...this.#informer.list()];
  }

  /** The object once it is as wanted. @throws Error with the object as it is, when that does not come. */
  async until(key: string, wanted: (object: T) => boolean = () => true): Promise<T> {
    const found = await this.#when(key, () => {
      const object = this.#informer.get(key);
      return object && wanted(object) ? object : undefined;
    });
    return found;
  }

  async gone(key: string): Promise<void> {
    await this.#when(`the end of ${key}`, () => (this.#informer.get(key) === undefined ? true : undefined));
  }

  /** Once so many objects, or whatever is asked of all of them. */
  async all(wanted: (objects: T[]) => boolean): Promise<T[]> {
    return this.#when('all of them', () => {
      const objects = this.list();
      return wanted(objects) ? objects : undefined;
    });
  }

  async #when<R>(what: string, look: () => R | undefined): Promise<R> {
    await this.#informer.synced;
    this.#broken.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    const fail = () => reject(this.#broken.reason);
    this.#broken.addEventListener('abort', fail);
    const check = () => {
      const found = look();
      if (found !== undefined) resolve(found);
    };
    const stop = this.#informer.onChange(check);
    const seconds = WAIT * PATIENCE;
    const limit = setTimeout(
      () => reject(new Error(`not within ${seconds} s: ${what}; there is: ${this.#asIs(what)}`)),
      seconds * 1000,
    );
    check();
    try {
      return await promise;
    } finally {
      clearTimeout(limit);
      stop();
      this.#broken.removeEventListener('abort', fail);
    }
  }

  /** What a failed wait shows: the object, or the names of those that there are. */
  #asIs(key: string): string {
    const object = this.#informer.get(key);
    if (object === undefined) return this.list().map(keyOf).join(' ').slice(0, SHOWN) || 'none';
    const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { managedFields?: unknown };
    return JSON.stringify({ ...object, metadata }).slice(0, SHOWN);
  }
}

/** What tests look at in a cluster. */
export interface Eyes {
  readonly client: KubeClient;
  readonly profiles: Watched<Profile>;
  readonly recordings: Watched<Recording>;
  readonly pods: Watched<PodObject>;
  readonly statuses: Watched<Told>;
  readonly bindings: Watched<Bound>;
  close(): Promise<void>;
}

export function openEyes(kubeconfig: string): Eyes {
  const client = new KubeClient(loadConnection({ kubeconfig }), { userAgent: 'syscribe-test' });
  const stop = new AbortController();
  const broken = brokenCluster(stop.signal);
  const custom = <T extends KubeObject>(plural: string, kind: string, namespaced: boolean) =>
    new Watched<T>(client, customResource(plural, kind, namespaced), broken);
  const profiles = custom<Profile>('seccompprofiles', 'SeccompProfile', false);
  const recordings = custom<Recording>('profilerecordings', 'ProfileRecording', true);
  const pods = new Watched<PodObject>(client, PODS, broken);
  const statuses = custom<Told>('securityprofilenodestatuses', 'SecurityProfileNodeStatus', false);
  const bindings = custom<Bound>('profilebindings', 'ProfileBinding', true);
  const running = [profiles, recordings, pods, statuses, bindings].map((watched) => watched.run(stop.signal));
  return {
    client,
    profiles,
    recordings,
    pods,
    statuses,
    bindings,
    close: async () => {
      stop.abort();
      await Promise.allSettled(running);
      await client[Symbol.asyncDispose]();
    },
  };
}

/**
 * Aborts, with the end of its log, when a process of the cluster has ended that nobody stopped: else each test runs into its time limit, and
 * none says why. Seen ended twice, since whoever stops one strikes it off only then.
 */
function brokenCluster(done: AbortSignal): AbortSignal {
  const broken = new AbortController();
  const processes = new Processes(DIRECTORY);
  let before: readonly string[] = [];
  const looking = setInterval(() => {
    const now = processes.ended();
    const ended = now.find((text) => before.includes(text));
    if (ended !== undefined) broken.abort(new Error(ended));
    before = now;
  }, LOOK);
  done.addEventListener('abort', () => clearInterval(looking));
  return broken.signal;
}
