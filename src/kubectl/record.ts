import { LABELS } from '../api/names.ts';
import type { ProfileRecording, SeccompProfile } from '../api/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKube } from '../kube/errors.ts';
import { customResource, type KubeObject, NAMESPACES } from '../kube/object.ts';
import { SyscribeError } from '../platform/errors.ts';
import { pause } from '../platform/wait.ts';
import { all } from './list.ts';
import { restart, type Workload } from './workload.ts';

export const RECORDINGS = customResource('profilerecordings', 'ProfileRecording', true);
export const PROFILES = customResource('seccompprofiles', 'SeccompProfile', false);
/** Milliseconds between looks. */
const LOOK = 1000;
/** Milliseconds for the operator to merge: an unreachable node holds a recording for 30 s, a large one takes its time. */
const PATIENCE = 300_000;

type RecordingObject = ProfileRecording & KubeObject;
type ProfileObject = SeccompProfile & KubeObject;

export interface RecordSettings {
  readonly name: string;
  /** Milliseconds; absent: until `stop` aborts. */
  readonly time?: number;
  /** Pods that run already began before anybody looked: they are made anew. */
  readonly restart: boolean;
  /** Ends the recording; what was recorded is merged then. */
  readonly stop: AbortSignal;
  readonly progress: (status: ProfileRecording['status']) => void;
  readonly say: (line: string) => void;
}

/**
 * Records a workload into merged profiles, one for each of its containers.
 * @throws SyscribeError ERR_USAGE where a recording has that name, ERR_KUBE_REQUEST where it does not come to its end.
 */
export async function recordWorkload(
  client: KubeClient,
  workload: Workload,
  settings: RecordSettings,
): Promise<ProfileObject[]> {
  const { namespace } = workload;
  const { name, stop, say } = settings;
  // First of all: where there is one of that name, nothing has been changed yet.
  const recording = await begin(client, workload, name);
  const labelled = await label(client, namespace);
  if (labelled) say(`namespace ${namespace} may be recorded meanwhile (label ${LABELS.enableRecording})`);
  try {
    if (settings.restart) await restart(client, workload, new Date());
    await follow(client, recording, settings);
    say(stop.aborted ? 'told to end: what was recorded is merged' : 'time is up: what was recorded is merged');
    return await finish(client, recording);
  } finally {
    if (labelled) await unlabel(client, namespace);
  }
}

/** @returns whether it was not labelled before. */
async function label(client: KubeClient, namespace: string): Promise<boolean> {
  const { metadata } = await client.get(NAMESPACES, { name: namespace });
  if (metadata.labels?.[LABELS.enableRecording] !== undefined) return false;
  const patch = { metadata: { labels: { [LABELS.enableRecording]: '' } } };
  await client.patch(NAMESPACES, { name: namespace }, patch, { type: 'merge' });
  return true;
}

async function unlabel(client: KubeClient, namespace: string): Promise<void> {
  // Another recording may have come to rely on it.
  if ((await all(client, RECORDINGS, undefined, namespace)).length > 0) return;
  const patch = { metadata: { labels: { [LABELS.enableRecording]: null } } };
  await client.patch(NAMESPACES, { name: namespace }, patch, { type: 'merge' });
}

async function begin(client: KubeClient, { namespace, selector }: Workload, name: string): Promise<RecordingObject> {
  const recording = {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'ProfileRecording',
    metadata: { namespace, name },
    spec: { kind: 'SeccompProfile', recorder: 'Bpf', mergeStrategy: 'Containers', podSelector: selector },
  } as RecordingObject;
  try {
    return await client.create<RecordingObject>(RECORDINGS, recording);
  } catch (error) {
    if (!isKube(error, 'alreadyExists')) throw error;
    throw new SyscribeError('ERR_USAGE', `there is a ProfileRecording ${name} in namespace ${namespace} already`, {
      cause: error,
      remedy: 'Choose another name (--name), or delete it.',
    });
  }
}

async function follow(client: KubeClient, recording: RecordingObject, settings: RecordSettings): Promise<void> {
  const { namespace, name, uid } = recording.metadata;
  const end = settings.time === undefined ? Number.POSITIVE_INFINITY : performance.now() + settings.time;
  while (!settings.stop.aborted && performance.now() < end) {
    const now = await client.get<RecordingObject>(RECORDINGS, { namespace, name });
    if (now.metadata.uid !== uid || now.metadata.deletionTimestamp !== undefined) return;
    settings.progress(now.status);
    await pause(Math.min(LOOK, Math.max(end - performance.now(), 0)), settings.stop);
  }
}

/** By deleting it, as SPO's users do; the operator lets go of it once all is merged. */
async function finish(client: KubeClient, { metadata }: RecordingObject): Promise<ProfileObject[]> {
  const { namespace = '', name, uid } = metadata;
  await ignoringGone(
    client.delete(RECORDINGS, { namespace, name }, uid === undefined ? {} : { preconditions: { uid } }),
  );
  const end = performance.now() + PATIENCE;
  while (await isThere(client, { namespace, name }, uid)) {
    if (performance.now() > end)
      throw new SyscribeError('ERR_KUBE_REQUEST', `the recording ${name} does not come to its end`, {
        remedy: 'Look for what keeps the operator from it: kubectl syscribe doctor.',
      });
    await pause(LOOK);
  }
  const selector = `${LABELS.recordingId}=${name},${LABELS.recordingNamespace}=${namespace},!${LABELS.partial}`;
  return all<ProfileObject>(client, PROFILES, selector);
}

async function isThere(client: KubeClient, reference: { namespace: string; name: string }, uid: string | undefined) {
  try {
    return (await client.get(RECORDINGS, reference)).metadata.uid === uid;
  } catch (error) {
    if (isKube(error, 'notFound')) return false;
    throw error;
  }
}

async function ignoringGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isKube(error, 'notFound')) throw error;
  }
}
