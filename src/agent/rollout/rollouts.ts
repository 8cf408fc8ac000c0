import { LRUCache } from 'lru-cache';
import { type Denied, sumDenials } from '../../api/denials.ts';
import { digestOf, isAudited, type Mode, modeOf, type NodeRollout } from '../../api/rollout.ts';
import type { Informer } from '../../kube/reflector.ts';
import { waitFor } from '../../platform/wait.ts';
import { Listener, type ListenerParts } from '../audit/listener.ts';
import type { InstallableProfile, Installer, Placed } from '../install/installer.ts';
import type { InstallFollower } from '../install/reconciler.ts';
import type { PodObject } from '../pods/cluster.ts';
import type { Identities } from '../pods/identities.ts';
import type { Alive } from '../recording/log/owners.ts';
import type { Statuses } from '../status/statuses.ts';
import { type Sighting, Sightings, sumOf } from './denials.ts';
import type { RolloutHistory } from './history.ts';
import { type Placement, placementAt, withPlacement } from './install-history.ts';
import { type Look, Report, type RunningPod } from './progress.ts';
import { workloadOf } from './workload.ts';

/** Milliseconds between looks while something is rolled out. */
const TICK = 1000;
const IDLE = 60_000;
/** So long a profile that is to be audited waits for the log to be read, milliseconds: a container's first calls tell most. */
const PATIENCE = 10_000;
/** Looks after which what a container logged that nobody knows is let go. */
const UNKNOWN = 30;
/** Denials between two looks, and containers that are remembered. */
const MOST = 1000;

/** What a roll-out needs of an installer. */
type Auditable = Pick<Installer, 'kind' | 'profile' | 'names' | 'namesOf' | 'onChange' | 'synced'> & {
  /** Whether the profile, as it is meant, refuses a call, and not by a rule for it. */
  refuses(profile: InstallableProfile, syscall: string): boolean;
};

export interface RolloutsParts extends ListenerParts {
  readonly installers: readonly Auditable[];
  readonly pods: Pick<Informer<PodObject>, 'list' | 'onChange' | 'synced'>;
  readonly identities: Pick<Identities, 'identify' | 'pod'>;
  readonly history: RolloutHistory;
  /** Containers of pods that have a cgroup now; undefined where that cannot be told. */
  readonly alive: () => Alive;
  /** What an earlier process has told. */
  readonly statuses: Pick<Statuses, 'rollout' | 'synced'>;
}

interface Entry {
  readonly key: string;
  readonly installer: Auditable;
  readonly profile: InstallableProfile;
}

/**
 * What containers of this node call that profiles in Audit would refuse, or promoted ones do. The log is read only while there is
 * such a profile.
 */
export class Rollouts implements InstallFollower {
  readonly #parts: RolloutsParts;
  readonly #sightings = new Sightings();
  readonly #listener: Listener;
  readonly #reports = new Map<string, Report>();
  readonly #listeners: ((key: string) => void)[] = [];
  /** Looks at which nobody knew whose a container is, and whether it is one of a pod of this node. */
  readonly #unknown = new LRUCache<string, { readonly looks: number; readonly ours: boolean }>({ max: MOST });
  /** Containers that have ended and that the runtime does not know. */
  readonly #gone = new LRUCache<string, true>({ max: MOST });
  #lost = 0;
  #wake = Promise.withResolvers<void>();

  constructor(parts: RolloutsParts) {
    this.#parts = parts;
    this.#listener = new Listener(parts, ({ events }) => {
      for (const event of events) this.#sightings.add(event);
    });
    for (const installer of parts.installers) installer.onChange(() => this.#wake.resolve());
    parts.pods.onChange((_, now, before) => (now?.profiles ?? before?.profiles) && this.#wake.resolve());
  }

  /** Told of a profile, by KIND/NAME, of which there is something new to be told. */
  onChange(listener: (key: string) => void): void {
    this.#listeners.push(listener);
  }

  /** What the profile's node status has to say. */
  of(key: string): NodeRollout | undefined {
    return this.#reports.get(key)?.told;
  }

  /** Until what is logged under a profile is read, or that has failed. */
  async ready(): Promise<void> {
    this.#wake.resolve();
    await this.#listener.ready(PATIENCE);
  }

  /** An installer has put a profile there, or seen that it is. */
  installed(kind: string, profile: InstallableProfile, placed: Placed): void {
    const { name, uid = '', generation = 0 } = profile.metadata;
    const key = `${kind}/${name}`;
    if (!isAudited(profile)) {
      this.#parts.history.remove(key);
      return;
    }
    const { placements, seen } = this.#parts.history.of(key, uid);
    const now = { generation, mode: modeOf(profile), digest: digestOf(profile.spec) };
    const all = withPlacement(placements, now, placed, profile.status?.enforced);
    // Promoted, it is the same profile, under which they have begun.
    const same = placements.at(-1)?.digest === now.digest;
    this.#parts.history.put(key, { uid, placements: all, seen: same ? seen : [] });
    this.#wake.resolve();
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      const { pods, statuses, installers } = this.#parts;
      // What is not known yet is not gone.
      await Promise.allSettled([pods.synced, statuses.synced, ...installers.map(({ synced }) => synced)]);
      while (!signal.aborted) {
        await this.round();
        await waitFor(this.#wake.promise, this.#entries().length > 0 ? TICK : IDLE, signal);
        this.#wake = Promise.withResolvers();
      }
    } finally {
      await this.#close();
    }
  }

  /** Looks at what there is, and tells of what has changed. */
  async round(now = Date.now()): Promise<void> {
    const entries = this.#entries();
    this.#forget(entries);
    if (entries.length === 0) return this.#close();
    await this.#listener.open(now);
    const denials = await this.#attribute(entries, now);
    const heard = this.#listener.look(now);
    for (const entry of entries) {
      const { key, profile } = entry;
      const report = this.#report(entry);
      const containers = await this.#containers(entry);
      const look = {
        ...{ profile, mode: this.#modeOf(entry), now: Date.now(), ...containers, ...heard },
        denials: sumDenials([{ denied: denials.get(key) ?? [], deniedLeft: 0 }], MOST),
      };
      if (report.look(look)) for (const listener of this.#listeners) listener(key);
    }
  }

  #entries(): Entry[] {
    return this.#parts.installers.flatMap((installer) =>
      [...installer.names()].flatMap((name) => {
        const profile = installer.profile(name);
        if (!profile || !isAudited(profile)) return [];
        if (profile.spec.state === 'Disabled' || profile.metadata.deletionTimestamp !== undefined) return [];
        return [{ key: `${installer.kind}/${name}`, installer, profile }];
      }),
    );
  }

  /** How it is installed, which follows what is wanted. */
  #modeOf({ key, profile }: Entry): Mode {
    const last = this.#parts.history.of(key, profile.metadata.uid ?? '').placements.at(-1);
    return last?.digest === digestOf(profile.spec) ? last.mode : modeOf(profile);
  }

  #forget(entries: readonly Entry[]): void {
    const there = new Set(entries.map(({ key }) => key));
    for (const key of this.#reports.keys()) {
      if (there.has(key)) continue;
      this.#reports.delete(key);
      for (const listener of this.#listeners) listener(key);
    }
    for (const key of this.#parts.history.keys()) if (!there.has(key)) this.#parts.history.remove(key);
  }

  #report({ key, installer, profile }: Entry): Report {
    const known = this.#reports.get(key);
    if (known) return known;
    const made = new Report(this.#parts.statuses.rollout(installer.kind, profile.metadata.name));
    this.#reports.set(key, made);
    return made;
  }

  async #close(): Promise<void> {
    this.#sightings.clear();
    this.#unknown.clear();
    await this.#listener.close();
  }

  /** Whose the calls are that were logged since the last look, by the profile that they are against. */
  async #attribute(entries: readonly Entry[], now: number): Promise<Map<string, Denied[]>> {
    const found = new Map<string, Denied[]>();
    for (const id of this.#sightings.ids()) {
      const identity = await this.#parts.identities.identify(id);
      const pod = identity && !identity.sandbox ? this.#parts.identities.pod(identity.podUid) : undefined;
      if (!identity?.sandbox && !pod) {
        this.#miss(id, now);
        continue;
      }
      this.#unknown.delete(id);
      const calls = this.#sightings.take(id);
      if (!pod || identity?.sandbox !== false) continue;
      const entry = entries.find((one) => this.#uses(pod, identity.name, one));
      if (!entry) continue;
      const workload = workloadOf(pod, identity.name);
      const denied = calls.filter((call) => isAgainst(entry, call));
      const all = denied.map(({ syscall, count, last }) => ({ syscall, workload, count, last }));
      found.set(entry.key, [...(found.get(entry.key) ?? []), ...all]);
    }
    const { lost } = this.#sightings;
    if (lost > this.#lost) this.#listener.lost(lost - this.#lost, now);
    this.#lost = lost;
    return found;
  }

  /** Nobody knows the container, yet: the runtime may be away, or the pod not told of. Or it is none of a pod. */
  #miss(id: string, now: number): void {
    const before = this.#unknown.get(id) ?? { looks: 0, ours: this.#parts.alive()?.has(id) ?? true };
    const looks = before.looks + 1;
    this.#unknown.set(id, { ...before, looks });
    if (looks < UNKNOWN) return;
    this.#unknown.delete(id);
    const records = sumOf(this.#sightings.take(id));
    if (before.ours) this.#listener.lost(records, now);
  }

  async #createdAt(id: string, { metadata }: PodObject): Promise<number | undefined> {
    const identity = await this.#parts.identities.identify(id, metadata.uid);
    return identity?.sandbox === false ? identity.createdAt : undefined;
  }

  #uses({ profiles }: PodObject, container: string, { installer, profile }: Entry): boolean {
    const reference = profiles?.[container];
    return reference !== undefined && installer.namesOf(reference).includes(profile.metadata.name);
  }

  /** The node's containers that have the profile. */
  async #containers(entry: Entry): Promise<Pick<Look, 'pods' | 'seen' | 'fresh' | 'running'>> {
    const { key, profile } = entry;
    const { metadata, spec } = profile;
    const { uid = '' } = metadata;
    const kept = this.#parts.history.of(key, uid);
    const digest = digestOf(spec);
    const seen: string[] = [];
    const pods: RunningPod[] = [];
    let [fresh, running] = [0, false];
    for (const pod of this.#parts.pods.list()) {
      const began: (Placement | undefined)[] = [];
      for (const { id, name, ended, neverRan } of pod.containers) {
        if (neverRan || !this.#uses(pod, name, entry)) continue;
        const createdAt = this.#gone.has(id) ? undefined : await this.#createdAt(id, pod);
        // What the runtime has forgotten it does not learn again.
        if (ended && createdAt === undefined) this.#gone.set(id, true);
        const placement = placementAt(kept.placements, createdAt, pod.startedAt);
        if (!ended) began.push(placement);
        if (placement?.digest !== digest || placement.mode !== 'Audit') continue;
        const known = kept.seen.includes(id);
        // What it calls first would else not be known.
        if (!known && (createdAt === undefined || createdAt < this.#listener.readSince)) continue;
        seen.push(id);
        if (!known) fresh += 1;
        if (!ended) running = true;
      }
      if (began.length > 0) pods.push(began);
    }
    // Another may have been installed meanwhile.
    const same = this.#parts.history.of(key, uid).placements.at(-1) === kept.placements.at(-1);
    if (same && kept.placements.length > 0) this.#parts.history.put(key, { ...kept, seen });
    return { pods, seen: seen.length, fresh, running };
  }
}

/** What was let through is against what is meant; what was refused counts once the profile itself refuses it. */
function isAgainst({ installer, profile }: Entry, { syscall, made }: Sighting): boolean {
  return (made || modeOf(profile) === 'Enforce') && installer.refuses(profile, syscall);
}
