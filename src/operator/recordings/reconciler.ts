import { FINALIZERS, LABELS, suffixed } from '../../api/names.ts';
import type { SeccompProfile } from '../../api/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isKube } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { Log } from '../../kube/log.ts';
import { customResource } from '../../kube/object.ts';
import type { Again } from '../../kube/queue.ts';
import { isUnmergeable } from './errors.ts';
import {
  byContainer,
  type Instance,
  instancesOf,
  isFinished,
  isUnseen,
  type ProfileObject,
  type RecordingObject,
  ROLE,
} from './instances.ts';
import { type Fold, fold, foldedOf, mergedName, mergedOf, mergedProfile } from './merge.ts';
import { partialStatus } from './partial-status.ts';
import { type ContainerFacts, recordingStatus } from './status.ts';

export const RECORDINGS = customResource('profilerecordings', 'ProfileRecording', true);
export const PROFILES = customResource('seccompprofiles', 'SeccompProfile', false);
const MANAGER = 'syscribe-operator';
/** Agents have so long to hand in what they have when a recording is deleted, milliseconds. */
const FLUSH = 30_000;
/** The status of a recording is not written more often, milliseconds: everybody who watches it gets it whole. */
const STATUS_PAUSE = 5000;

export interface RecordingsParts {
  readonly client: Pick<KubeClient, 'create' | 'apply' | 'patch' | 'delete' | 'get'>;
  readonly events: Pick<EventRecorder, 'event'>;
  readonly log: Log;
  readonly recording: (key: string) => RecordingObject | undefined;
  /** Profiles that are labelled as that recording's. */
  readonly profiles: (key: string) => readonly ProfileObject[];
  readonly profile: (name: string) => ProfileObject | undefined;
  /** What a profile is given that nodes may have from now on. */
  readonly hold: (metadata: ProfileObject['metadata']) => object;
}

/**
 * One recording: its merged profiles follow its instances, those that are finished become installable, its status tells how
 * far it is, and when it is deleted, what it gave is put in order before it goes.
 */
export class Recordings {
  readonly #parts: RecordingsParts;
  /** When the status of a recording was written last, by UID. */
  readonly #written = new Map<string, number>();

  constructor(parts: RecordingsParts) {
    this.#parts = parts;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Again | undefined> {
    const recording = this.#parts.recording(key);
    if (recording?.spec.kind !== 'SeccompProfile') return undefined;
    const profiles = this.#parts.profiles(key);
    const instances = instancesOf(recording, profiles);
    const deleted = recording.metadata.deletionTimestamp;
    const left = deleted === undefined ? 0 : Date.parse(deleted) + FLUSH - Date.now();
    const waiting = instances.filter((instance) => instance.partial && !isFinished(instance));
    if (deleted !== undefined && (recording.metadata.finalizers ?? []).length === 0) return undefined;
    const ending = deleted !== undefined && (waiting.length === 0 || left <= 0);
    if (ending && waiting.length > 0) this.#tellMissing(recording, waiting);

    await this.#hold(recording, instances, signal);
    const facts =
      recording.spec.mergeStrategy === 'Containers'
        ? await this.#merge(recording, profiles, instances, ending, signal)
        : await this.#release(instances, ending, signal);
    if (ending) {
      if (instances.every(isUnseen) && mergedOf(recording, profiles).size === 0)
        this.#tell(recording, 'Warning', 'NoPartialProfiles', 'nothing was recorded');
      await this.#letGo(recording, signal);
      return undefined;
    }
    const pause = await this.#status(recording, instances, facts, signal);
    const soonest = Math.min(pause, deleted === undefined ? Number.POSITIVE_INFINITY : Math.max(left, 0));
    return Number.isFinite(soonest) ? { requeueAfter: soonest } : undefined;
  }

  /** A recording stays, once it is deleted, until what it gave is in order. */
  async #hold({ metadata }: RecordingObject, instances: readonly Instance[], signal: AbortSignal): Promise<void> {
    const { deletionTimestamp, finalizers = [], name, namespace, resourceVersion } = metadata;
    if (deletionTimestamp !== undefined || !instances.some(({ partial }) => partial)) return;
    const missing = [FINALIZERS.recordingLock, FINALIZERS.unmergedProfiles].filter((one) => !finalizers.includes(one));
    if (missing.length === 0) return;
    const merged = { metadata: { resourceVersion, finalizers: [...finalizers, ...missing] } };
    await this.#parts.client.patch(RECORDINGS, { namespace, name }, merged, { type: 'merge', signal });
  }

  async #letGo({ metadata }: RecordingObject, signal: AbortSignal): Promise<void> {
    const ours: readonly string[] = [FINALIZERS.recordingLock, FINALIZERS.unmergedProfiles];
    const { name, namespace, resourceVersion, finalizers = [] } = metadata;
    const merged = { metadata: { resourceVersion, finalizers: finalizers.filter((one) => !ours.includes(one)) } };
    await ignoringGone(() =>
      this.#parts.client.patch(RECORDINGS, { namespace, name }, merged, { type: 'merge', signal }),
    );
    this.#written.delete(metadata.uid ?? '');
  }

  /** Strategy None: what is finished is no longer partial, and so may be installed. */
  async #release(
    instances: readonly Instance[],
    ending: boolean,
    signal: AbortSignal,
  ): Promise<Map<string, ContainerFacts>> {
    for (const instance of instances) {
      const { profile, partial } = instance;
      if (partial && ending && isUnseen(instance)) {
        await this.#deletePartial(profile, signal);
        continue;
      }
      const whole = !partial || ending || (isFinished(instance) && !isUnseen(instance));
      if (partial && whole) {
        const { name, resourceVersion } = profile.metadata;
        // From now on it may be on nodes: their finalizer comes with it, rather than by a write of its own.
        const held = this.#parts.hold(profile.metadata);
        const patch = { metadata: { resourceVersion, labels: { [LABELS.partial]: null }, ...held } };
        await ignoringGone(() => this.#parts.client.patch(PROFILES, { name }, patch, { type: 'merge', signal }));
      }
      if (!whole) await this.#tellPartial(profile, signal);
    }
    return new Map();
  }

  async #merge(
    recording: RecordingObject,
    profiles: readonly ProfileObject[],
    instances: readonly Instance[],
    ending: boolean,
    signal: AbortSignal,
  ): Promise<Map<string, ContainerFacts>> {
    const facts = new Map<string, ContainerFacts>();
    const gone = new Set<ProfileObject>();
    const partials = byContainer(instances.filter(({ partial }) => partial));
    const ours = mergedOf(recording, profiles);
    for (const [container, { metadata }] of ours)
      if (metadata.labels?.[ROLE] !== undefined && !partials.has(container)) partials.set(container, []);
    for (const [container, group] of partials) {
      const before = ours.get(container);
      // It was finished before: what is left of the instances is in it, and of those that are gone only it tells.
      if (before && before.metadata.labels?.[ROLE] === undefined) {
        facts.set(container, { profileName: before.metadata.name, folded: foldedOf(undefined) });
        for (const { profile } of group) gone.add(profile);
        continue;
      }
      if (ending) for (const instance of group) if (isUnseen(instance)) gone.add(instance.profile);
      const seen = group.filter((instance) => !isUnseen(instance));
      const folded = fold(seen, foldedOf(before));
      if (folded.kept.length + folded.folded.total === 0) continue;
      try {
        const name = await this.#writeMerged(recording, container, folded, before, ending, signal);
        facts.set(container, { profileName: name, folded: folded.folded });
        for (const { profile } of seen)
          if (ending || folded.folded.deleting.includes(profile.metadata.uid ?? '')) gone.add(profile);
      } catch (error) {
        if (!isUnmergeable(error)) throw error;
        this.#tell(recording, 'Warning', 'CannotCreateUpdateMergedProfile', `${container}: ${error.message}`);
      }
    }
    for (const { profile, partial } of instances)
      if (gone.has(profile)) await this.#deletePartial(profile, signal);
      else if (partial) await this.#tellPartial(profile, signal);
    return facts;
  }

  async #writeMerged(
    recording: RecordingObject,
    container: string,
    folded: Fold,
    before: ProfileObject | undefined,
    final: boolean,
    signal: AbortSignal,
  ): Promise<string> {
    const plain = mergedName(recording, container);
    const { namespace = '', uid = '' } = recording.metadata;
    const taken = this.#parts.profile(plain);
    const free = before === undefined && (taken === undefined || replaceable(recording, taken));
    const name = before?.metadata.name ?? (free ? plain : suffixed(plain, namespace, uid));
    const wanted = mergedProfile(recording, container, folded, { name, final });
    if (before && same(before, wanted)) return name;
    if (wanted.spec.syscalls?.length === 0)
      this.#tell(recording, 'Warning', 'MergedEmptyProfile', `${name} allows nothing`);
    const made = await this.#parts.client.apply<ProfileObject>(PROFILES, wanted, { fieldManager: MANAGER, signal });
    if (!final) await this.#tellPartial(made, signal);
    return name;
  }

  async #deletePartial({ metadata: { name, uid } }: ProfileObject, signal: AbortSignal): Promise<void> {
    const preconditions = uid === undefined ? {} : { preconditions: { uid } };
    await ignoringGone(() => this.#parts.client.delete(PROFILES, { name }, { ...preconditions, signal }));
  }

  /** @returns milliseconds until it has to be written, Infinity where it is as it should be. */
  async #status(
    recording: RecordingObject,
    instances: readonly Instance[],
    facts: ReadonlyMap<string, ContainerFacts>,
    signal: AbortSignal,
  ): Promise<number> {
    const status = recordingStatus(recording, instances, facts, new Date());
    if (JSON.stringify(sorted(status)) === JSON.stringify(sorted(recording.status ?? {})))
      return Number.POSITIVE_INFINITY;
    const { name, namespace, uid = '' } = recording.metadata;
    const wait = (this.#written.get(uid) ?? Number.NEGATIVE_INFINITY) + STATUS_PAUSE - performance.now();
    if (wait > 0) return wait;
    this.#written.set(uid, performance.now());
    const merge = { type: 'merge', subresource: 'status', signal } as const;
    await ignoringGone(() => this.#parts.client.patch(RECORDINGS, { namespace, name }, { status }, merge));
    return Number.POSITIVE_INFINITY;
  }

  async #tellPartial(profile: ProfileObject, signal: AbortSignal): Promise<void> {
    const status = partialStatus(profile, new Date());
    if (!status) return;
    const merge = { type: 'merge', subresource: 'status', signal } as const;
    await ignoringGone(() => this.#parts.client.patch(PROFILES, { name: profile.metadata.name }, { status }, merge));
  }

  #tellMissing(recording: RecordingObject, waiting: readonly Instance[]): void {
    const nodes = [...new Set(waiting.map(({ state }) => state?.node ?? ''))].sort();
    const some = nodes.slice(0, 10).join(', ') + (nodes.length > 10 ? ' and others' : '');
    this.#tell(
      recording,
      'Warning',
      'NodesDidNotAnswer',
      `what ${some} recorded last may be missing: no answer in 30 s`,
    );
  }

  #tell({ metadata }: RecordingObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { name, namespace = '', uid = '' } = metadata;
    const apiVersion = 'security-profiles-operator.x-k8s.io/v1';
    this.#parts.events.event({ apiVersion, kind: 'ProfileRecording', name, namespace, uid }, type, reason, message);
  }
}

/** Whether a profile of the merged one's name came of a recording of the same name: as in SPO, the new one takes its place. */
function replaceable({ metadata }: RecordingObject, { metadata: { labels = {} } }: SeccompProfile): boolean {
  return (
    labels[LABELS.recordingId] === metadata.name &&
    labels[LABELS.recordingNamespace] === metadata.namespace &&
    labels[LABELS.containerId] === undefined
  );
}

function same(a: ProfileObject, b: ProfileObject): boolean {
  const part = ({ metadata: { labels, annotations }, spec }: ProfileObject) =>
    JSON.stringify(sorted({ labels, annotations, spec }));
  return part(a) === part(b);
}

/** With keys in order, as the API server may give them in another. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, sorted(one)]));
}

async function ignoringGone(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!isKube(error, 'notFound')) throw error;
  }
}
