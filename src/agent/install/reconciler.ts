import { isReleased, type ProfileState } from '../../api/conditions.ts';
import { ANNOTATIONS, FINALIZERS } from '../../api/names.ts';
import { modeOf, type NodeRollout } from '../../api/rollout.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type Clock, MONOTONIC, sleep } from '../../kube/clock.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { Log } from '../../kube/log.ts';
import { type Again, WorkQueue } from '../../kube/queue.ts';
import type { Informer } from '../../kube/reflector.ts';
import type { PodObject } from '../pods/cluster.ts';
import { Usage } from '../pods/profile-usage.ts';
import type { Statuses } from '../status/statuses.ts';
import { type InstallableProfile, type Installer, InstallFailure, type Placed } from './installer.ts';
import type { InstallMetrics } from './metrics.ts';

/** What another daemon works on is looked at again, milliseconds. */
const SOON = 1000;
/**
 * Files are compared as often with what they were, milliseconds. Not by inotify: it tells nothing of what happened while nobody
 * watched, nor of another directory in this one's place, and to ask for 500 files' status takes 2 ms.
 */
const COMPARE = 10_000;

/** Follows what is installed: what a profile would refuse is counted from then on. */
export interface InstallFollower {
  /** Until what is logged under a profile is read, or that has failed. */
  ready(): Promise<void>;
  installed(kind: string, profile: InstallableProfile, placed: Placed): void;
  /** What the node status of a profile, KIND/NAME, reports of it. */
  of(key: string): NodeRollout | undefined;
  onChange(listener: (key: string) => void): void;
}

export interface InstallsParts {
  readonly client: Pick<KubeClient, 'onReturn'>;
  readonly node: string;
  readonly installers: readonly Installer[];
  readonly statuses: Statuses;
  readonly pods: Pick<Informer<PodObject>, 'onChange' | 'list' | 'synced'>;
  readonly events: Pick<EventRecorder, 'event'>;
  readonly metrics: InstallMetrics;
  readonly log: Log;
  readonly rollouts: InstallFollower;
  readonly clock?: Clock;
}

/** Profiles of all kinds on this node: what is there follows the API, but nothing goes that a pod of the node uses. */
export class Installs {
  readonly #parts: InstallsParts;
  readonly #installers: ReadonlyMap<string, Installer>;
  readonly #usage: Usage;
  readonly #queue: WorkQueue;
  /** What was told of a profile last, by KIND/NAME: nobody wants to read it again. */
  readonly #told = new Map<string, string>();
  /** Profiles that were there since this process began. */
  readonly #known = new Set<string>();

  constructor(parts: InstallsParts) {
    this.#parts = parts;
    this.#installers = new Map(parts.installers.map((installer) => [installer.kind, installer]));
    this.#queue = new WorkQueue((key, { signal }) => this.#reconcile(key, signal), {
      client: parts.client,
      // One after the other: 1,000 nodes that hear of ten profiles all write at once.
      backoff: { base: 200, cap: 60_000 },
      onError: (error, { key, retryIn }) => parts.log.warn({ profile: key, error, retryIn }, 'profile not in order'),
    });
    this.#usage = new Usage(parts.pods, (reference) => {
      for (const installer of parts.installers)
        for (const name of installer.namesOf(reference)) this.#queue.add(`${installer.kind}/${name}`);
    });
    for (const installer of parts.installers)
      installer.onChange((name) => this.#queue.add(`${installer.kind}/${name}`));
    parts.statuses.onChange((key) => this.#queue.add(key));
    parts.rollouts.onChange((key) => this.#queue.add(key));
  }

  get stats() {
    return this.#queue.stats;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { installers, statuses, pods } = this.#parts;
    const following = Promise.all([statuses.run(signal), ...installers.map((installer) => installer.run(signal))]);
    following.catch(() => {
      // Thrown below: until then, what waits for them hears of it.
    });
    try {
      // Before all is known, what nobody seems to use may be in use, and what nobody seems to refuse refused.
      await Promise.all([pods.synced, statuses.synced, ...installers.map(({ synced }) => synced)]);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    await Promise.all([following, this.#queue.run(signal), this.#compare(signal)]);
  }

  async #compare(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#parts.clock ?? MONOTONIC, COMPARE, signal);
      for (const installer of this.#parts.installers)
        for (const name of installer.drifted()) this.#queue.add(`${installer.kind}/${name}`);
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<Again | undefined> {
    const slash = key.indexOf('/');
    const [kind, name] = [key.slice(0, slash), key.slice(slash + 1)];
    const installer = this.#installers.get(kind);
    if (!installer) return undefined;
    const pods = this.#usage.of(installer.reference(name));
    const profile = installer.profile(name);
    if (!profile) {
      // Gone, or recorded anew; what pods use stays until they are gone too. What never was a profile is another's.
      if (pods.length > 0 || !(this.#known.has(key) || this.#parts.statuses.has(kind, name))) return undefined;
      await this.#remove(installer, name, undefined);
      await this.#parts.statuses.remove(kind, name, signal);
      this.#known.delete(key);
      return undefined;
    }
    this.#known.add(key);
    if (profile.metadata.deletionTimestamp !== undefined) return this.#end(installer, profile, pods, signal);
    if (profile.spec.state === 'Disabled') {
      if (pods.length === 0) await this.#remove(installer, name, profile);
      return this.#tell(installer, profile, 'Disabled', pods, signal);
    }
    return this.#install(installer, profile, pods, signal);
  }

  async #install(
    installer: Installer,
    profile: InstallableProfile,
    pods: readonly string[],
    signal: AbortSignal,
  ): Promise<Again | undefined> {
    const { metrics, node, statuses, rollouts } = this.#parts;
    const { name } = profile.metadata;
    try {
      // What a container calls first is logged once.
      if (modeOf(profile) === 'Audit') await rollouts.ready();
      const { state, changed, placed } = await installer.install(profile);
      if (placed) rollouts.installed(installer.kind, profile, placed);
      this.#told.delete(`${installer.kind}/${name}`);
      if (changed) {
        metrics.changed(installer.metric, 'update');
        const text = `Successfully saved profile to disk on ${node}`;
        // One from each node of a large cluster would be more than all else that is told of it.
        if (!isReported(profile)) this.#event(installer, profile, 'Normal', installer.reasons.saved, text);
      }
      const again = await this.#tell(installer, profile, state, pods, signal);
      return state === 'InProgress' ? { requeueAfter: SOON } : again;
    } catch (error) {
      if (!(error instanceof InstallFailure)) throw error;
      this.#complain(installer, profile, error.reason, error.message);
      // SPO tells of a refusal by an event alone; one that was there before is taken away, unless it is in use.
      if (error.denied && pods.length === 0) {
        await this.#remove(installer, name, profile);
        await statuses.remove(installer.kind, name, signal);
        return undefined;
      }
      if (error.denied && !statuses.has(installer.kind, name)) return undefined;
      const again = await this.#tell(installer, profile, 'Error', pods, signal, error.message);
      if (error.passing) throw error;
      return again;
    }
  }

  /** Deleted: it stays while pods use it, and everywhere until the operator has seen that none does. */
  async #end(
    installer: Installer,
    profile: InstallableProfile,
    pods: readonly string[],
    signal: AbortSignal,
  ): Promise<Again | undefined> {
    const { kind } = installer;
    const { name } = profile.metadata;
    if (pods.length > 0 || !isReleased(profile.status?.conditions)) {
      // It never was on this node, or the garbage collector takes node statuses first (foreground deletion), and would again.
      if (!this.#parts.statuses.has(kind, name)) return undefined;
      return this.#tell(installer, profile, 'Terminating', pods, signal);
    }
    await this.#remove(installer, name, profile);
    await this.#parts.statuses.remove(kind, name, signal);
    return undefined;
  }

  async #remove(installer: Installer, name: string, profile: InstallableProfile | undefined): Promise<void> {
    try {
      if (await installer.remove(name)) this.#parts.metrics.changed(installer.metric, 'delete');
    } catch (error) {
      if (profile) this.#complain(installer, profile, installer.reasons.cannotRemove, (error as Error).message);
      throw error;
    }
    this.#told.delete(`${installer.kind}/${name}`);
  }

  async #tell(
    { kind }: Installer,
    profile: InstallableProfile,
    state: ProfileState,
    pods: readonly string[],
    signal: AbortSignal,
    message = '',
  ): Promise<Again | undefined> {
    const { name, uid = '', generation, finalizers } = profile.metadata;
    // Where nodes tell of it the operator says with its finalizer.
    if (!finalizers?.includes(FINALIZERS.onNodes)) return undefined;
    const rollout = this.#parts.rollouts.of(`${kind}/${name}`);
    const told = { state, message, generation, pods, ...(rollout && { rollout }) };
    const wait = await this.#parts.statuses.put({ kind, name, uid }, told, isReported(profile), signal);
    return wait === undefined ? undefined : { requeueAfter: wait };
  }

  #complain(installer: Installer, profile: InstallableProfile, reason: string, message: string): void {
    const key = `${installer.kind}/${profile.metadata.name}`;
    if (this.#told.get(key) === `${reason} ${message}`) return;
    this.#told.set(key, `${reason} ${message}`);
    this.#parts.metrics.failed(installer.metric, reason);
    this.#event(installer, profile, 'Warning', reason, `${message} (node ${this.#parts.node})`);
  }

  #event(
    { kind }: Installer,
    { metadata: { name, uid = '' } }: InstallableProfile,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ): void {
    const apiVersion = 'security-profiles-operator.x-k8s.io/v1';
    this.#parts.events.event({ apiVersion, kind, name, uid }, type, reason, message);
  }
}

/** Whether nodes tell of it in their reports. */
function isReported({ metadata: { annotations } }: InstallableProfile): boolean {
  return annotations?.[ANNOTATIONS.nodeReports] === 'true';
}
