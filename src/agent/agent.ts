import type { ProfileRecording } from '../api/types.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Log } from '../kube/log.ts';
import { waitFor } from '../platform/wait.ts';
import { NodeRecorder, type NodeRecorderSettings, type RecordedContainer } from '../recording/node-recorder.ts';
import type { ClusterView, PodObject } from './cluster.ts';
import type { Identities } from './identities.ts';
import { recordId, recordingRef, recordingsOf } from './matching.ts';
import { type ContainerRecord, finish, newRecord, withRun } from './record.ts';
import type { Records } from './records.ts';
import { runtimeOf } from './runtimes.ts';

/** How often is looked though nothing was told, milliseconds: events of the kernel may be lost. */
const TICK = 1000;
/** Every so many rounds all containers are looked at, not only those that something was told of. */
const ROUNDS = 30;
/** So long calls are seen behind a pod's birth, milliseconds, though no recording wants it yet: it may come right behind. */
const GRACE = 30_000;

export interface AgentParts {
  readonly view: ClusterView;
  readonly identities: Identities;
  readonly records: Records;
  readonly events: Pick<EventRecorder, 'event'>;
  readonly log: Log;
}

/**
 * Records the containers of this node that recordings want. One round after the other looks at what there is and makes the
 * difference good: it does not matter in which order things are told, or whether they are.
 */
export class Agent {
  readonly #parts: AgentParts;
  readonly #settings: NodeRecorderSettings;
  #recorder: NodeRecorder | undefined;
  /** Attached: containers are told from their births on. */
  #begun = false;
  #armed = false;
  #armUntil = 0;
  #rounds = 0;
  /** Slots with news since they were looked at. */
  readonly #news = new Set<number>();
  /** Uses of slots whose container is known for what it is. */
  readonly #settled = new Map<number, number>();
  #wake = Promise.withResolvers<void>();
  /** Told once each: event reasons by pod and container. */
  readonly #told = new Set<string>();
  #unsupported: string | undefined;

  constructor(parts: AgentParts, settings: NodeRecorderSettings) {
    this.#parts = parts;
    this.#settings = settings;
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

  /** Something has changed: look soon. */
  poke(): void {
    this.#wake.resolve();
  }

  /** Until `signal` aborts; what is recorded goes on behind it, for the next process. */
  async run(signal: AbortSignal): Promise<void> {
    const { view } = this.#parts;
    try {
      await Promise.all([view.pods.synced, view.recordings.synced, view.namespaces.synced]);
      while (!signal.aborted) {
        await this.#round();
        await waitFor(this.#wake.promise, TICK, signal);
        this.#wake = Promise.withResolvers();
      }
    } finally {
      this.#recorder?.[Symbol.dispose]();
    }
  }

  async #round(): Promise<void> {
    this.#beginOrEnd();
    if (this.#recorder && this.#begun) {
      this.#adoptMissing(this.#recorder);
      const all = this.#rounds++ % ROUNDS === 0;
      for (const container of this.#recorder.containers()) {
        const news = this.#news.delete(container.slot) || this.#settled.get(container.slot) !== container.generation;
        if (all || news || container.ended) await this.#look(this.#recorder, container);
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
    if (!wanted && this.#begun) {
      this.#recorder?.end();
      this.#recorder = this.#load();
      this.#armed = false;
    }
    this.#begun = wanted && this.#recorder !== undefined;
  }

  #load(): NodeRecorder | undefined {
    try {
      const recorder = NodeRecorder.load(this.#settings, {
        changed: () => this.poke(),
        seen: (slot) => this.#news.add(slot),
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
  #adoptMissing(recorder: NodeRecorder): void {
    const slotted = new Set(recorder.containers().map(({ containerId }) => containerId));
    const missing = new Set<string>();
    for (const { metadata, containers } of this.#parts.view.pods.list()) {
      if (!this.#mayBeRecorded(metadata.namespace)) continue;
      for (const { id, running } of containers) if (running && !slotted.has(id)) missing.add(id);
    }
    if (missing.size > 0) recorder.adopt((_, id) => missing.has(id));
  }

  #unfinished(): boolean {
    return this.#parts.records.list().some(({ finished, recording }) => !finished && recording.recorder === 'Bpf');
  }

  /** At once: its first container runs soon. */
  #podBorn(): void {
    this.#armUntil = Date.now() + GRACE;
    if (this.#recorder) this.#arm(this.#recorder);
  }

  #arm(recorder: NodeRecorder): void {
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

  async #look(recorder: NodeRecorder, container: RecordedContainer): Promise<void> {
    const { identities } = this.#parts;
    const identity = await identities.identify(container.containerId, container.podUid);
    if (identity?.sandbox) return recorder.release(container.slot);
    const pod = identities.pod(container.podUid);
    if (!identity || !pod) {
      // Of a pod that nobody knows, and that is gone: whose it was cannot be told any more.
      if (container.ended && !identities.lives(container.podUid)) recorder.release(container.slot);
      return;
    }
    const records = this.#recordsOf(pod, identity.name, identity.handler);
    if (records.length === 0) {
      if (container.ended || !this.#mayBeRecorded(pod.metadata.namespace)) recorder.release(container.slot);
      return;
    }
    this.#settled.set(container.slot, container.generation);
    const { calls, reasons } = recorder.observe(container.slot);
    const safe = records.map((record) =>
      this.#parts.records.put(
        this.#unlessSame(
          record,
          withRun(record, container.containerId, { calls, reasons }, container.ended, Date.now()),
        ),
      ),
    );
    if (container.ended && safe.every(Boolean)) recorder.release(container.slot);
  }

  /** A look that found nothing new writes nothing. */
  #unlessSame(before: ContainerRecord, after: ContainerRecord): ContainerRecord {
    return this.#parts.records.get(before.id) && JSON.stringify(before) === JSON.stringify(after) ? before : after;
  }

  /** The records that a container's run belongs to: those that there are, and those that recordings want now. */
  #recordsOf(pod: PodObject, container: string, handler: string): ContainerRecord[] {
    const { records, view } = this.#parts;
    const uid = pod.metadata.uid ?? '';
    const running = records
      .list()
      .filter((record) => !record.finished && record.pod.uid === uid && record.container === container);
    if (!this.#mayBeRecorded(pod.metadata.namespace)) return running;
    const wanted = recordingsOf(pod, container, view.recordings.list(), 'Bpf');
    const runtime = runtimeOf(handler);
    if (wanted.length > 0 && runtime === undefined) {
      this.#tell(
        pod,
        'Warning',
        'UnsupportedRuntime',
        `${container} runs by ${handler}, whose containers cannot be recorded`,
      );
      return running;
    }
    const fresh = wanted
      .filter(({ metadata }) => !records.get(recordId(metadata.uid ?? '', uid, container)))
      .map((recording) => this.#begin(recording, pod, container, runtime ?? 'none'));
    return [...running, ...fresh];
  }

  #begin(
    recording: ProfileRecording,
    pod: PodObject,
    container: string,
    runtime: ContainerRecord['runtime'],
  ): ContainerRecord {
    const { name, namespace = '', uid = '', generateName } = pod.metadata;
    this.#tell(pod, 'Normal', 'ProfileRecording', `Recording profiles (${container}, for ${recording.metadata.name})`);
    return newRecord({
      id: recordId(recording.metadata.uid ?? '', uid, container),
      recording: recordingRef(recording),
      pod: { namespace, name, uid, ...(generateName !== undefined && { generateName }) },
      container,
      runtime,
    });
  }

  /** Records end with their pod, with the work of an init container, and with their recording. */
  #finish(): void {
    const { records } = this.#parts;
    for (const record of records.list()) {
      if (!record.finished && this.#isOver(record)) records.put(finish(record));
    }
  }

  #isOver(record: ContainerRecord): boolean {
    const { view, identities } = this.#parts;
    const recording = view.recordings.get(`${record.recording.namespace}/${record.recording.name}`);
    const deleted =
      recording?.metadata.uid !== record.recording.uid || recording.metadata.deletionTimestamp !== undefined;
    if (deleted) return true;
    if (Object.keys(record.current).length > 0) return false;
    if (!identities.lives(record.pod.uid)) return true;
    const pod = identities.pod(record.pod.uid);
    if (pod?.phase === 'Succeeded' || pod?.phase === 'Failed') return true;
    return pod?.containers.some(({ name, succeededInit }) => name === record.container && succeededInit) ?? false;
  }

  #tell({ metadata }: PodObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const key = `${metadata.uid}/${reason}/${message}`;
    if (this.#told.has(key)) return;
    if (this.#told.size > 10_000) this.#told.clear();
    this.#told.add(key);
    const { name, namespace, uid } = metadata;
    const regarding = { apiVersion: 'v1', kind: 'Pod', name, ...(namespace && { namespace }), ...(uid && { uid }) };
    this.#parts.events.event(regarding, type, reason, message);
  }
}
