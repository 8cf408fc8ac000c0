import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { LABELS } from '../../api/names.ts';
import { RECORDING_UID, stateOf } from '../../api/recording-state.ts';
import type { SeccompProfile } from '../../api/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type Clock, MONOTONIC } from '../../kube/clock.ts';
import { isKube } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { Log } from '../../kube/log.ts';
import { customResource, type KubeObject } from '../../kube/object.ts';
import { type Again, WorkQueue } from '../../kube/queue.ts';
import { type ContainerRecord, totalOf } from './container-record.ts';
import { nameOf, profileOf } from './partial-profile.ts';

const PROFILES = customResource('seccompprofiles', 'SeccompProfile', false);
const MANAGER = 'syscribe-agent';
/** The first snapshot comes so soon, milliseconds; each next one after twice the time, up to the end of it. */
const FIRST = 2000;
const LONGEST = 600_000;
/** A container that ran and ended before its first snapshot waits so long for the end of its pod, milliseconds: one write tells all. */
const ENDING = 30_000;
/** The API server's limit of a request is 1.5 MB, etcd's of an object too; an object has room to grow in. */
const MOST_BYTES = 1_000_000;
const MOST_TOLD = 1000;
const BACKOFF = { base: 500, cap: 30_000 };

export interface PublisherParts {
  readonly client: Pick<KubeClient, 'create' | 'apply' | 'get' | 'onReturn'>;
  readonly events: Pick<EventRecorder, 'event'>;
  readonly log: Log;
  /** The record as it is now; undefined once it is forgotten. */
  readonly record: (id: string) => ContainerRecord | undefined;
  /** The record was published as this object. */
  readonly published: (id: string, object: { name: string; uid: string }) => void;
  /** Somebody deleted what it was published as. */
  readonly refused: (id: string) => void;
  /** Its finished state has arrived, or never will: it may be forgotten. */
  readonly settled: (id: string) => void;
}

interface Rhythm {
  /** When it was heard of first. */
  readonly since: number;
  /** What was sent last, hashed. */
  sent: string;
  /** Milliseconds to the next snapshot. */
  interval: number;
  due: number;
}

/**
 * Brings records to the API server: a snapshot of what runs only when it has changed, less and less often; the end at once.
 * The first write creates; the later ones name the object's UID, so that nothing is made again that somebody deleted.
 */
export class Publisher {
  readonly #parts: PublisherParts;
  readonly #node: string;
  readonly #queue: WorkQueue;
  readonly #clock: Clock;
  readonly #rhythms = new Map<string, Rhythm>();
  /** Recordings, by UID, of which it was told that profiles are created. */
  readonly #told = new LRUCache<string, true>({ max: MOST_TOLD });

  constructor(parts: PublisherParts, { node, clock = MONOTONIC }: { readonly node: string; readonly clock?: Clock }) {
    this.#parts = parts;
    this.#node = node;
    this.#clock = clock;
    this.#queue = new WorkQueue((id, { signal }) => persistent(this.#publish(id, signal)), {
      concurrency: 4,
      backoff: BACKOFF,
      clock,
      client: parts.client,
      onError: (error, { key, retryIn }) => parts.log.warn({ record: key, error, retryIn }, 'profile not written'),
    });
  }

  get stats() {
    return this.#queue.stats;
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  /** The record has changed. */
  changed({ id, finished, recording }: ContainerRecord): void {
    const now = this.#clock.now();
    const rhythm = this.#rhythms.get(id) ?? newRhythm(now, recording.snapshotInterval);
    this.#rhythms.set(id, rhythm);
    if (finished) this.#queue.add(id);
    else this.#queue.addAfter(id, Math.max(rhythm.due - now, 0));
  }

  async #publish(id: string, signal: AbortSignal): Promise<Again | undefined> {
    const record = this.#parts.record(id);
    if (!record) return undefined;
    if (record.refused || (!record.published && isNothing(record))) {
      if (record.finished) this.#settle(record);
      return undefined;
    }
    const wait = (this.#rhythms.get(id)?.since ?? 0) + ENDING - this.#clock.now();
    if (endsSoon(record) && wait > 0) return { requeueAfter: wait };
    const wanted = profileOf(record, record.published?.name ?? nameOf(record, this.#node, false), this.#node);
    const text = JSON.stringify(wanted);
    const rhythm = this.#rhythms.get(id);
    const hash = createHash('sha256').update(text).digest('base64');
    const large = Buffer.byteLength(text) > MOST_BYTES;
    if (rhythm?.sent !== hash) {
      if (large) this.#tell(record, 'Warning', 'TooLarge', 'the profile is larger than an object may be');
      else if (!(await this.#write(record, wanted, signal))) {
        if (record.finished) this.#settle(record);
        else this.#parts.refused(id);
        return undefined;
      }
      if (rhythm) this.#next(rhythm, hash, record.recording.snapshotInterval);
    }
    // What is too large stays on disk.
    if (record.finished && !large && this.#parts.record(id) === record) this.#settle(record);
    return undefined;
  }

  /** At random within a fifth, so that the nodes' snapshots do not come all at once. */
  #next(rhythm: Rhythm, sent: string, snapshotInterval: number): void {
    const jitter = 0.9 + Math.random() * 0.2;
    rhythm.sent = sent;
    rhythm.due = this.#clock.now() + Math.round(rhythm.interval * jitter);
    rhythm.interval = Math.min(rhythm.interval * 2, Math.max(LONGEST, snapshotInterval));
  }

  #settle({ id }: ContainerRecord): void {
    this.#rhythms.delete(id);
    this.#parts.settled(id);
  }

  /** @returns false where nobody wants it any more. */
  async #write(record: ContainerRecord, wanted: SeccompProfile, signal: AbortSignal): Promise<boolean> {
    if (!record.published) return this.#create(record, wanted, signal);
    const metadata = { ...wanted.metadata, uid: record.published.uid };
    try {
      await this.#parts.client.apply(PROFILES, { ...wanted, metadata } as KubeObject, {
        fieldManager: MANAGER,
        signal,
      });
      return true;
    } catch (error) {
      // Somebody deleted it: it is not brought back to life.
      if (isKube(error, 'notFound', 'conflict')) return false;
      throw error;
    }
  }

  async #create(record: ContainerRecord, wanted: SeccompProfile, signal: AbortSignal): Promise<boolean> {
    try {
      const made = await this.#parts.client.create<KubeObject>(PROFILES, wanted as KubeObject, { signal });
      this.#take(record, made);
      this.#tellCreated(record, made.metadata.name);
      return true;
    } catch (error) {
      if (!isKube(error, 'alreadyExists')) throw error;
    }
    const { name } = wanted.metadata;
    const there = await this.#parts.client.get<SeccompProfile & KubeObject>(PROFILES, { name }, { signal });
    if (isSame(record, there) && isPartial(there)) {
      // Its creation was answered to an earlier process, which could not write down that it was.
      this.#take(record, there);
      return this.#write({ ...record, published: { name, uid: there.metadata.uid ?? '' } }, wanted, signal);
    }
    // An earlier process handed it in, and could not write down that it had: a disk that is full.
    if (record.finished && isSame(record, there) && hasAll(there, wanted)) return false;
    const other = nameOf(record, this.#node, true);
    if (other === name) throw new Error(`${name} is another's profile`);
    return this.#create(record, { ...wanted, metadata: { ...wanted.metadata, name: other } }, signal);
  }

  #take({ id }: ContainerRecord, { metadata }: KubeObject): void {
    this.#parts.published(id, { name: metadata.name, uid: metadata.uid ?? '' });
  }

  /**
   * Of a pod that still runs, that it is recorded; of a recording, once, that its profiles come from this node. A pod that is
   * over by then has its profile to tell of it: an event each would be a quarter of what a short pod costs.
   */
  #tellCreated(record: ContainerRecord, profile: string): void {
    const { recording, container, finished } = record;
    if (!finished)
      this.#tell(record, 'Normal', 'ProfileRecording', `Recording ${container} for ${recording.name} into ${profile}`);
    if (this.#told.has(recording.uid)) return;
    this.#told.set(recording.uid, true);
    const { namespace, name, uid } = recording;
    this.#parts.events.event(
      { apiVersion: 'security-profiles-operator.x-k8s.io/v1', kind: 'ProfileRecording', namespace, name, uid },
      'Normal',
      'ProfileCreated',
      `seccomp profiles of pods on ${this.#node} are created`,
    );
  }

  #tell({ pod }: ContainerRecord, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { namespace, name, uid } = pod;
    this.#parts.events.event({ apiVersion: 'v1', kind: 'Pod', namespace, name, uid }, type, reason, message);
  }
}

function newRhythm(now: number, interval: number): Rhythm {
  return { since: now, sent: '', interval, due: now + FIRST };
}

/** Neither calls nor a word of any that are missing: losses that are not known of a container that logs nothing are none. */
function isNothing(record: ContainerRecord): boolean {
  const { calls, reasons } = totalOf(record);
  return calls.length === 0 && reasons.every(({ code }) => code === 'log-unknown' || code === 'still-running');
}

/** Nothing of it runs, and nobody has heard of it yet. */
function endsSoon({ finished, published, current }: ContainerRecord): boolean {
  return !finished && !published && Object.keys(current).length === 0;
}

/** Whether it still waits for its end. */
function isPartial({ metadata }: SeccompProfile): boolean {
  return metadata.labels?.[LABELS.partial] !== undefined;
}

/** Whether nothing of a profile is missing in one that is there. */
function hasAll(there: SeccompProfile, { spec }: SeccompProfile): boolean {
  const names = ({ syscalls = [] }: SeccompProfile['spec']) => syscalls.flatMap((rule) => rule.names);
  const known = new Set(names(there.spec));
  return names(spec).every((name) => known.has(name));
}

/** Whether a profile is of the same recording, pod and container. */
function isSame({ recording, pod, container }: ContainerRecord, { metadata }: SeccompProfile): boolean {
  const state = stateOf(metadata);
  return (
    metadata.annotations?.[RECORDING_UID] === recording.uid &&
    state?.pod.uid === pod.uid &&
    state.container === container
  );
}

/** What is refused today (by a policy, or a quota) may be taken tomorrow, and what was recorded cannot be recorded again. */
async function persistent<T>(attempt: Promise<T>): Promise<T> {
  try {
    return await attempt;
  } catch (error) {
    if (isKube(error, 'invalid', 'terminal')) throw new Error(error.message, { cause: error });
    throw error;
  }
}
