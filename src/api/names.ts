import { createHash } from 'node:crypto';
import type { ProfileRecording } from './types.ts';

export { matchesSelector } from './selector.ts';

/** Labels of SPO's that recording reads and writes; contract: by these, scripts find what belongs together. */
export const LABELS = {
  /** On a namespace, with any value: its pods may be recorded. `override`: stricter profiles give way to the Logs recorder. */
  enableRecording: 'spo.x-k8s.io/enable-recording',
  /** On a namespace, with any value: its pods get the profiles that bindings name. */
  enableBinding: 'spo.x-k8s.io/enable-binding',
  recordingId: 'spo.x-k8s.io/recording-id',
  recordingNamespace: 'spo.x-k8s.io/recording-namespace',
  containerId: 'spo.x-k8s.io/container-id',
  partial: 'spo.x-k8s.io/partial',
  profileId: 'spo.x-k8s.io/profile-id',
  nodeName: 'spo.x-k8s.io/node-name',
  /** On node statuses: what status.status says, and of what kind of profile. */
  profileState: 'spo.x-k8s.io/profile-state',
  profileKind: 'spo.x-k8s.io/profile-kind',
} as const;

export const ANNOTATIONS = {
  syscallCoverage: 'spo.x-k8s.io/syscall-coverage',
  /** On a pod: the recordings by Logs that the webhook has seen it match, comma between them. */
  recordings: 'spo.x-k8s.io/recordings',
  /** On a partial profile of a node whose name is longer than a label's value may be: that name. */
  nodeName: 'spo.x-k8s.io/node-name',
  /** On a profile that nodes tell of in their reports, `true`: the operator's word, which comes with its finalizer. */
  nodeReports: 'spo.x-k8s.io/node-reports',
} as const;

export const FINALIZERS = {
  /** On a recording, whatever its kind, while pods are recorded. */
  recordingLock: 'active-seccomp-profile-recording-lock',
  unmergedProfiles: 'spo.x-k8s.io/has-unmerged-profiles',
  partialProfile: 'spo.x-k8s.io/partial-profile-finalizer',
  /** SPO's, on a profile that a pod uses. */
  inUse: 'in-use-by-active-pods',
  /** On a profile: nodes may have it. The operator's alone. */
  onNodes: 'spo.x-k8s.io/on-nodes',
  /** On a binding, while pods have its profile. */
  bindingLock: 'active-workload-lock',
} as const;

/** What the Logs recorder gives to containers: a profile and a type that log and refuse nothing. */
export const LOG_PROFILE = 'operator/log-enricher-trace.json';
export const LOG_TYPE = 'selinuxrecording.process';

export type ProfileKind = ProfileRecording['spec']['kind'];
export type Recorder = ProfileRecording['spec']['recorder'];
export const RECORDERS: readonly Recorder[] = ['Bpf', 'Logs'];

const TRACES: Readonly<Record<ProfileKind, Partial<Readonly<Record<Recorder, string>>>>> = {
  SeccompProfile: { Logs: 'io.containers.trace-logs/', Bpf: 'io.containers.trace-bpf/' },
  SelinuxProfile: { Logs: 'io.containers.trace-avcs/' },
  AppArmorProfile: { Bpf: 'io.containers.trace-bpf-apparmor/' },
};

/** What the annotation of a recorded container begins with, its name behind; undefined: that recorder cannot make that kind. */
export function traceAnnotation(kind: ProfileKind, recorder: Recorder): string | undefined {
  return TRACES[kind]?.[recorder];
}

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** RFC 1123: what a label's value may always be made of, and a container's name has to be. */
export function isDnsLabel(name: string): boolean {
  return name.length <= 63 && LABEL.test(name);
}

/** A recording of one container of one pod, as its annotation names it. */
export interface Session {
  readonly recording: string;
  readonly container: string;
  readonly nonce: string;
  /** When the pod was made, since 1970. */
  readonly seconds: number;
}

export function sessionId(recording: string, container: string, nonce: string, seconds: number): string {
  return `${recording}_${container}_${nonce}_${seconds}`;
}

/** @returns undefined where it is not four parts of which each is what it should be. */
export function parseSessionId(text: string): Session | undefined {
  const parts = text.split('_');
  const [recording = '', container = '', nonce = '', time = ''] = parts;
  const valid = isDnsLabel(recording) && isDnsLabel(container) && LABEL.test(nonce) && nonce.length <= 63;
  if (parts.length !== 4 || !valid || !/^(0|[1-9]\d{0,14})$/.test(time)) return undefined;
  return { recording, container, nonce, seconds: Number(time) };
}

/** RECORDING-CONTAINER, and what tells a pod from others of its template. */
export function profileName(recording: string, container: string, podName: string, generateName?: string): string {
  const base = `${recording}-${container}`;
  const generated = generateName !== undefined && generateName !== '' && podName.startsWith(generateName);
  const suffix = generated ? podName.slice(generateName.length) : '';
  return suffix === '' ? base : `${base}-${suffix}`;
}

/** A label's value, at most. */
const MOST_LABEL = 63;

/**
 * What profiles of a node are labelled with: its name, or what is unlikely to be another's. The policy agents.spo.io
 * knows how long the part of the name is.
 */
export function nodeLabel(node: string): string {
  return node.length <= MOST_LABEL ? node : `${node.slice(0, MOST_LABEL - 9)}-${sha256(node).slice(0, 8)}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const MOST = 253;

/** A name that no other recording's profile has, and that is no longer than an object's may be. */
export function suffixed(name: string, namespace: string, uid: string): string {
  const suffix = `-${sha256(`${namespace}/${uid}`).slice(0, 8)}`;
  return name.slice(0, MOST - suffix.length).replace(/[-.]+$/, '') + suffix;
}
