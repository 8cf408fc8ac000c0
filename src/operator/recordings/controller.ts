import type { KubeClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { Log } from '../../kube/log.ts';
import { WorkQueue } from '../../kube/queue.ts';
import { Informer } from '../../kube/reflector.ts';
import { Reporting } from '../profiles/reporting.ts';
import { type ProfileObject, type RecordingObject, recordingKeyOf } from './instances.ts';
import { PROFILES, RECORDINGS, Recordings } from './reconciler.ts';

/** Instances come in bursts: what is merged waits so long for more, milliseconds. */
const GATHER = 300;
const WORKERS = 4;

/** The operator's decisions, fed by what it watches; only the leader acts on them. */
export class Operator {
  /** All: those of nobody's recording take names too. */
  readonly profiles: Informer<ProfileObject>;
  readonly reporting: Reporting;
  readonly #recordings: Informer<RecordingObject>;
  readonly #queue: WorkQueue;
  /** Names of profiles by the recording they are labelled with. */
  readonly #byRecording = new Map<string, Set<string>>();
  #leading = false;

  /** @param nodes how many there are that have an agent, or are to get one. */
  constructor(client: KubeClient, events: EventRecorder, log: Log, nodes: () => number) {
    this.profiles = new Informer<ProfileObject>({ client, resource: PROFILES, log });
    this.#recordings = new Informer<RecordingObject>({ client, resource: RECORDINGS, log });
    this.reporting = new Reporting(this.profiles, nodes);
    const recordings = new Recordings({
      client,
      events,
      log,
      recording: (key) => this.#recordings.get(key),
      profiles: (key) => this.#of(key),
      profile: (name) => this.profiles.get(name),
      hold: (metadata) => this.reporting.hold(metadata),
    });
    this.#queue = new WorkQueue((key, { signal }) => recordings.reconcile(key, signal), {
      concurrency: WORKERS,
      client,
      backoff: { base: 200, cap: 60_000 },
      onError: (error, { key, retryIn }) => log.warn({ recording: key, error, retryIn }, 'recording not reconciled'),
    });
    this.#recordings.onChange((key) => this.#add(key));
    this.profiles.onChange((name, now, before) => this.#profileChanged(name, now, before));
  }

  /** Caches, on every replica. */
  watch(signal: AbortSignal): Promise<unknown> {
    return Promise.all([this.profiles.run(signal), this.#recordings.run(signal)]);
  }

  /** The leader's work. */
  async lead(signal: AbortSignal): Promise<void> {
    await Promise.all([this.profiles.synced, this.#recordings.synced]);
    this.#leading = true;
    for (const { metadata } of this.#recordings.list()) this.#queue.add(`${metadata.namespace}/${metadata.name}`);
    await this.#queue.run(signal);
  }

  get stats() {
    return this.#queue.stats;
  }

  #add(key: string): void {
    if (this.#leading) this.#queue.addAfter(key, GATHER);
  }

  #of(key: string): ProfileObject[] {
    return [...(this.#byRecording.get(key) ?? [])].flatMap((name) => this.profiles.get(name) ?? []);
  }

  #profileChanged(name: string, now: ProfileObject | undefined, before: ProfileObject | undefined): void {
    const [key, old] = [now && recordingKeyOf(now), before && recordingKeyOf(before)];
    if (old !== undefined && old !== key) {
      const names = this.#byRecording.get(old);
      names?.delete(name);
      if (names?.size === 0) this.#byRecording.delete(old);
    }
    if (key !== undefined) this.#byRecording.set(key, (this.#byRecording.get(key) ?? new Set()).add(name));
    for (const one of new Set([key, old])) if (one !== undefined) this.#add(one);
  }
}
