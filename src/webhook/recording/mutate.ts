import { isBuilt, NOT_BUILT, notRecorded } from '../../api/built.ts';
import {
  ANNOTATIONS,
  isDnsLabel,
  LABELS,
  LOG_TYPE,
  matchesSelector,
  type ProfileKind,
  sessionId,
  traceAnnotation,
} from '../../api/names.ts';
import type { ProfileRecording } from '../../api/types.ts';
import { byAge } from '../pod/order.ts';
import { type Container, isMirror, isWindows, type Pod, podName } from '../pod/pod.ts';
import { logged } from './log-profile.ts';

export interface Context {
  readonly namespace: string;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** A number from 0 to below what it is given. */
  readonly random: (below: number) => number;
  /** SPO's way: the Logs recorder replaces stricter profiles in every namespace. */
  readonly replaceStricter?: boolean;
  /** Whether profiles of a kind are recorded. Where they are not, no node has what a pod would be given for it. */
  readonly recorded?: (kind: ProfileKind) => boolean;
}

/** Something to be told of a recording. */
interface Told {
  readonly recording: ProfileRecording;
  readonly reason: string;
  readonly message: string;
}

export interface Mutation {
  /** The very pod that was given where nothing is to be changed. */
  readonly pod: Pod;
  readonly events: readonly Told[];
  /** For who makes the pod. */
  readonly warnings: readonly string[];
}

/** The alphabet of names that Kubernetes makes up: no vowels, so no words. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const TRACES = /^io\.containers\.trace-(logs|avcs|bpf|bpf-apparmor)\//;
const PSA = 'pod-security.kubernetes.io/enforce';

/**
 * What a new pod has to become so that it is recorded.
 *
 * Each call makes sessions afresh and drops those that came with the pod, so that neither a copy of a live pod nor one
 * that claims a session gets into another's recording. That holds for a reinvocation too: nothing in a review tells it
 * from a first call (it has a uid of its own), and it needs no telling, since nobody has seen the first call's session
 * before the pod is stored.
 */
export function mutatePod(pod: Pod, recordings: readonly ProfileRecording[], context: Context): Mutation {
  if (isWindows(pod) || isMirror(pod)) return { pod, events: [], warnings: [] };
  const work = new Work(pod, context);
  for (const recording of recordings.toSorted(byAge)) if (work.isFor(recording)) work.add(recording);
  return work.result();
}

class Work {
  readonly #original: Pod;
  readonly #context: Context;
  readonly #events: Told[] = [];
  readonly #sessions = new Map<string, string>();
  /** Recordings by Logs that were looked at: the policy that stands in for a webhook that does not answer asks for them. */
  readonly #seen: string[] = [];
  #pod: Pod;

  constructor(pod: Pod, context: Context) {
    this.#original = pod;
    this.#pod = pod;
    this.#context = context;
  }

  /** Whether a recording is about this pod. One that cannot be is told of, but keeps no pod from being made. */
  isFor(recording: ProfileRecording): boolean {
    const { metadata, spec } = recording;
    const { recorded = isBuilt } = this.#context;
    if (metadata.deletionTimestamp !== undefined || traceAnnotation(spec.kind, spec.recorder) === undefined)
      return false;
    const selection = matchesSelector(spec.podSelector, this.#original.metadata?.labels ?? {});
    const wrong = 'error' in selection;
    if (!wrong && !selection.matches) return false;
    if (spec.recorder === 'Logs') this.#seen.push(metadata.name);
    if (wrong) this.#tell(recording, 'InvalidPodSelector', `its podSelector: ${selection.error}`);
    else if (!recorded(spec.kind))
      this.#tell(recording, NOT_BUILT, `${notRecorded(spec.kind)}: ${this.#name} stays as it is`);
    else if (isDnsLabel(metadata.name)) return true;
    else this.#tell(recording, 'NameNotDNSLabel', `its name is no DNS label: ${this.#name} is not recorded`);
    return false;
  }

  add(recording: ProfileRecording): void {
    const each = (container: Container) => this.#record(recording, container);
    const { initContainers, containers } = this.#pod.spec;
    const changed = {
      ...this.#pod.spec,
      ...(initContainers && { initContainers: initContainers.map(each) }),
      containers: containers.map(each),
    };
    this.#pod = { ...this.#pod, spec: changed };
  }

  result(): Mutation {
    const before = this.#original.metadata?.annotations;
    const kept = Object.entries(before ?? {}).filter(([key]) => !TRACES.test(key) && key !== ANNOTATIONS.recordings);
    const seen = this.#seen.length > 0 ? [[ANNOTATIONS.recordings, this.#seen.join(',')] as const] : [];
    const annotations = Object.fromEntries([...kept, ...this.#sessions, ...seen]);
    const own = this.#sessions.size + seen.length > 0 || kept.length < Object.keys(before ?? {}).length;
    const pod = own ? { ...this.#pod, metadata: { ...this.#pod.metadata, annotations } } : this.#original;
    return { pod, events: this.#events, warnings: this.#warnings(pod) };
  }

  #record(recording: ProfileRecording, container: Container): Container {
    const { kind, recorder, containers } = recording.spec;
    if (containers && !containers.includes(container.name)) return container;
    const key = `${traceAnnotation(kind, recorder)}${container.name}`;
    if (recorder === 'Bpf') {
      // The agent goes by selectors: the annotation is for people, and one of several recordings is enough there.
      if (!this.#sessions.has(key)) this.#sessions.set(key, this.#session(recording, container));
      return container;
    }
    if (this.#sessions.has(key)) {
      const message = `container ${container.name} of ${this.#name} is recorded by another recording of this kind already`;
      this.#tell(recording, 'RecordedByAnother', message);
      return container;
    }
    const override =
      this.#context.replaceStricter || this.#context.namespaceLabels[LABELS.enableRecording] === 'override';
    const { container: changed, notices } = logged(kind, container, this.#pod, override);
    for (const { reason, message } of notices)
      this.#tell(recording, reason, `container ${container.name} of ${this.#name}: ${message}`);
    if (changed) this.#sessions.set(key, this.#session(recording, container));
    return changed ?? container;
  }

  #session({ metadata }: ProfileRecording, { name }: Container): string {
    const nonce = Array.from({ length: 5 }, () => ALPHABET[this.#context.random(ALPHABET.length)]).join('');
    return sessionId(metadata.name, name, nonce, Math.floor(this.#context.now / 1000));
  }

  #tell(recording: ProfileRecording, reason: string, message: string): void {
    this.#events.push({ recording, reason, message });
  }

  /** What recording changes is seen by Pod Security Admission behind it, and refused there. */
  #warnings(pod: Pod): string[] {
    const told = this.#events.map(({ recording, message }) => `recording ${recording.metadata.name}: ${message}`);
    const level = this.#context.namespaceLabels[PSA];
    const typed = (container: Container) => container.securityContext?.seLinuxOptions?.type === LOG_TYPE;
    const refused = pod !== this.#original && [...(pod.spec.initContainers ?? []), ...pod.spec.containers].some(typed);
    if (!refused || (level !== 'baseline' && level !== 'restricted')) return told;
    const { namespace } = this.#context;
    return [
      ...told,
      `recording needs SELinux type ${LOG_TYPE}, which pod security level ${level} of namespace ${namespace} refuses`,
    ];
  }

  get #name(): string {
    return `pod ${podName(this.#original)}`;
  }
}
