import type { EventRecorder } from '../../kube/events.ts';
import type { Log } from '../../kube/log.ts';
import { waitFor } from '../../platform/wait.ts';
import { NodeRecorder, type NodeRecorderSettings, type RecordedContainer } from '../../recording/ebpf/node-recorder.ts';
import { type ClusterView, type PodObject, synced } from '../pods/cluster.ts';
import type { ContainerIdentity, Identities } from '../pods/identities.ts';
import { uidOf } from '../pods/pod.ts';
import { PodEvents } from '../pods/pod-events.ts';
import { runtimesOf } from '../pods/runtimes.ts';
import { abandon, type ContainerRecord, finish, withRun } from './container-record.ts';
import { isOver } from './finished.ts';
import { Slotless } from './no-slot.ts';
import type { Records } from './record-store.ts';
import { recordFor, recordId, recordingsOf } from './selection.ts';
import { Orphans } from './unclaimed.ts';

/** How soon is looked again at what is not known yet, or does more than was seen, milliseconds. */
const SOON = 1000;
/** How often is looked though nothing was told, milliseconds: events of the kernel may be lost. */
const TICK = 5000;
/** As often where nothing is attached, for what kept the programs from being loaded. */
const IDLE = 30_000;
/** All containers are looked at as often, milliseconds, not only those that something was told of. */
const ALL = 30_000;
/** So long calls are seen behind a pod's birth, milliseconds, though no recording wants it yet: it may come right behind. */
const GRACE = 30_000;
/** So long a container that has ended waits for its pod to be told of, and for a recording that wants it, milliseconds. */
const UNKNOWN = 60_000;
const UNWANTED = 10_000;

export interface AgentParts {
  readonly view: ClusterView;
  readonly identities: Identities;
  readonly records: Records;
  readonly events: Pick<EventRecorder, 'event'>;
  readonly log: Log;
  /** For tests: what records instead of the kernel. */
  readonly load?: (...given: Parameters<typeof NodeRecorder.load>) => Recorder;
}

type Recorder = Pick<
  NodeRecorder,
  'adopt' | 'arm' | 'begin' | 'containers' | 'disarm' | 'end' | 'losses' | 'observe' | 'release' | typeof Symbol.dispose
>;

/**
 * Records the containers of this node that recordings want. One round after the other looks at what there is and makes the
 * difference good: it does not matter in which order things are told, or whether they are.
 */
export class Agent {
  readonly #parts: AgentParts;
  readonly #settings: NodeRecorderSettings;
  #recorder: Recorder | undefined;
  /** Attached: containers are known from their births on. Undefined: what an earlier process has left pinned may record. */
  #begun: boolean | undefined;
  /** Undefined: what an earlier process left pinned may see calls, or not. */
  #armed: boolean | undefined;
  #armUntil = 0;
  #allFrom = 0;
  /** A look is due soon. */
  #soon: NodeJS.Timeout | undefined;
  /** Slots with news since they were looked at. */
  readonly #news = new Set<number>();
  /** Uses of slots whose container is known for what it is. */
  readonly #settled = new Map<number, number>();
  readonly #orphans = new Orphans();
  #unresolved = 0;
  #wake = Promise.withResolvers<void>();
  readonly #events: PodEvents;
  readonly #slotless: Slotless;
  #unsupported: string | undefined;

  constructor(parts: AgentParts, settings: NodeRecorderSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#events = new PodEvents(parts.events);
    this.#slotless = new Slotless(
      { ...parts, events: this.#events, recordsOf: (pod, id, identity) => this.#recordsOf(pod, id, identity) },
      settings.slots,
    );
    const { pods, recordings, namespaces } = parts.view;
    pods.onChange((_, now, before) => {
      parts.identities.podChanged(now, before);
      this.poke();
    });
    recordings.onChange(() => this.poke());
    namespaces.onChange(() => this.poke());
  }

  /** Why nothing can be recorded on this node, if that is so. */
  get unsupported(): string | undefined {
    return this.#unsupported;
  }

  /** Containers that have a slot now. */
  get recorded(): number {
    return this.#recorder?.containers().length ?? 0;
  }

  /** Containers that ended, and nobody ever told whose they were. */
  get unresolved(): number {
    return this.#unresolved;
  }

  /** What the kernel could not do for the recording, while there is one. */
  get losses(): ReturnType<NodeRecorder['losses']> | undefined {
    return this.#recorder?.losses();
  }

  /** Something has changed: look soon. */
  poke(): void {
    this.#wake.resolve();
  }

  #pokeSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.poke();
    }, SOON);
  }

  /** Until `signal` aborts; what is recorded goes on behind it, for the next process. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await synced(this.#parts.view, signal);
      while (!signal.aborted) {
        await this.round();
        await waitFor(this.#wake.promise, this.#begun ? TICK : IDLE, signal);
        this.#wake = Promise.withResolvers();
      }
    } finally {
      clearTimeout(this.#soon);
      this.#recorder?.[Symbol.dispose]();
    }
  }

  /** Looks at what there is, and makes the difference good. */
  async round(): Promise<void> {
    this.#beginOrEnd();
    this.#parts.records.writeAgain();
    if (this.#recorder && this.#begun) {
      await this.#adoptMissing(this.#recorder);
      const all = performance.now() >= this.#allFrom;
      if (all) this.#allFrom = performance.now() + ALL;
      for (const container of this.#recorder.containers()) {
        const news = this.#news.delete(container.slot) || this.#settled.get(container.slot) !== container.generation;
        if (!all && !news && !container.ended) continue;
        if (!(await this.#look(this.#recorder, container))) this.#pokeSoon();
      }
      this.#arm(this.#recorder);
    }
    this.#finish();
  }

  /** Loaded from the start, since that takes a while; attached only where a namespace may be recorded or something is under way. */
  #beginOrEnd(): void {
    this.#recorder ??= this.#load();
    const wanted = this.#parts.view.namespaces.size > 0 || this.#unfinished();
    if (wanted && !this.#begun) this.#recorder?.begin();
    if (!wanted && this.#begun !== false) {
      this.#recorder?.end();
      this.#recorder = this.#load();
      this.#armed = undefined;
    }
    this.#begun = wanted && this.#recorder !== undefined;
  }

  #load(): Recorder | undefined {
    try {
      const recorder = (this.#parts.load ?? NodeRecorder.load)(this.#settings, {
        changed: () => this.poke(),
        seen: (slot) => {
          this.#news.add(slot);
          this.#pokeSoon();
        },
        podBorn: () => this.#podBorn(),
      });
      this.#unsupported = undefined;
      return recorder;
    } catch (error) {
      const { message } = error as Error;
      if (this.#unsupported !== message) this.#parts.log.warn({ error }, 'containers cannot be recorded on this node');
      this.#unsupported = message;
      return undefined;
    }
  }

  /** A namespace was labelled, or its pods ran before the recorder was there: they are recorded from now on. */
  async #adoptMissing(recorder: Recorder): Promise<void> {
    const slotted = new Set(recorder.containers().map(({ containerId }) => containerId));
    for (const id of slotted) this.#slotless.slotted(id);
    const all = [...this.#parts.view.pods.list()]
      .filter(({ metadata }) => this.#mayBeRecorded(metadata.namespace))
      .flatMap((pod) => pod.containers.map((container) => ({ pod, container })));
    const missing = new Set(
      all.filter(({ container: { id, ended } }) => !ended && !slotted.has(id)).map(({ container }) => container.id),
    );
    const left = missing.size > 0 ? recorder.adopt((_, id) => missing.has(id)) : [];
    const reasons = new Map(left.map(({ containerId, reason }) => [containerId, reason]));
    const refused = all.flatMap((candidate) => {
      const why = reasons.get(candidate.container.id);
      return why ? [{ ...candidate, why }] : [];
    });
    await this.#slotless.tell(refused, all, recorder.losses().noSlot);
  }

  #unfinished(): boolean {
    return this.#parts.records.list().some((record) => isBpf(record) && !record.finished);
  }

  /** At once: its first container runs soon. */
  #podBorn(): void {
    this.#armUntil = Date.now() + GRACE;
    if (this.#recorder) this.#arm(this.#recorder);
  }

  #arm(recorder: Recorder): void {
    const wanted = this.#unfinished() || this.#anyRecording() || Date.now() < this.#armUntil;
    if (wanted === this.#armed) return;
    if (wanted) recorder.arm();
    else recorder.disarm();
    this.#armed = wanted;
  }

  #anyRecording(): boolean {
    return [...this.#parts.view.recordings.list()].some(
      ({ metadata, spec }) =>
        spec.kind === 'SeccompProfile' &&
        spec.recorder === 'Bpf' &&
        metadata.deletionTimestamp === undefined &&
        this.#mayBeRecorded(metadata.namespace),
    );
  }

  #mayBeRecorded(namespace = ''): boolean {
    return this.#parts.view.namespaces.get(namespace) !== undefined;
  }

  /** @returns false where it has to be looked at again soon, though nothing is told of it. */
  async #look(recorder: Recorder, container: RecordedContainer): Promise<boolean> {
    const { identities } = this.#parts;
    const { slot, ended, containerId, podUid } = container;
    const release = () => {
      recorder.release(slot);
      return true;
    };
    this.#slotless.slotted(containerId);
    const identity = await identities.identify(containerId, podUid);
    if (identity?.sandbox) return release();
    const pod = identities.pod(podUid);
    if (!identity || !pod) {
      const unknown = ended && !identities.lives(podUid);
      if (!unknown || !this.#isLost(container, UNKNOWN)) return false;
      this.#unresolved += 1;
      return release();
    }
    const records = this.#recordsOf(pod, containerId, identity);
    if (records.length === 0) {
      const may = this.#mayBeRecorded(pod.metadata.namespace);
      if (!ended && may) return true;
      return (
        this.#parts.records.areWritten(uidOf(pod), identity.name) &&
        this.#isLost(container, may ? UNWANTED : 0) &&
        release()
      );
    }
    this.#settled.set(slot, container.generation);
    const { calls, reasons } = recorder.observe(slot);
    const safe = records.map((record) =>
      this.#parts.records.update(record, withRun(record, containerId, { calls, reasons }, ended, Date.now())),
    );
    if (!safe.every(Boolean)) return false;
    return ended ? release() : true;
  }

  #isLost(container: RecordedContainer, patience: number): boolean {
    const { pods, recordings, namespaces } = this.#parts.view;
    const connected = pods.connected && recordings.connected && namespaces.connected;
    return this.#orphans.isLost(container, patience, connected, this.recorded > this.#settings.slots / 2);
  }

  /** The records that a container's run belongs to: those that there are, and those that recordings want now. */
  #recordsOf(pod: PodObject, containerId: string, identity: ContainerIdentity): ContainerRecord[] {
    const { name: container, handler } = identity;
    const { records, view } = this.#parts;
    const uid = uidOf(pod);
    const running = records
      .list()
      .filter(
        (record) => isBpf(record) && !record.finished && record.pod.uid === uid && record.container === container,
      );
    if (!this.#mayBeRecorded(pod.metadata.namespace)) return running;
    const wanted = recordingsOf(pod, container, view.recordings.list(), 'Bpf');
    const runtimes = runtimesOf(identity.runtime);
    if (wanted.length > 0 && runtimes === undefined) {
      this.#events.tell(
        pod,
        'Warning',
        'UnsupportedRuntime',
        `${container} runs by ${handler || identity.runtime}, whose containers cannot be recorded`,
      );
      return running;
    }
    const fresh = wanted
      .filter(({ metadata }) => {
        const id = recordId(metadata.uid ?? '', uid, container);
        return !records.get(id) && !records.wasHandedIn(id, containerId);
      })
      .map((recording) => recordFor(recording, pod, container, runtimes ?? []));
    return [...running, ...fresh];
  }

  #finish(): void {
    const { records, view, identities } = this.#parts;
    const unfinished = records.list().filter((record) => isBpf(record) && !record.finished);
    if (unfinished.length === 0) return;
    const held = new Set(this.#recorder?.containers().map(({ containerId }) => containerId));
    for (const id of this.#slotless.running) held.add(id);
    for (const record of unfinished) {
      const gone = Object.keys(record.current).filter((id) => !held.has(id));
      // Without a recorder it may be opened again, and have it still.
      const lost = this.#recorder || !identities.lives(record.pod.uid) ? gone : [];
      const now = lost.reduce(abandon, record);
      if (isOver(now, view, identities)) records.put(finish(now));
      else if (now !== record) records.put(now);
    }
  }
}

/** What the audit log tells is another's. */
function isBpf({ recording }: ContainerRecord): boolean {
  return recording.recorder === 'Bpf';
}
