import { podOf } from '../../../src/agent/pods/cluster.ts';
import type { ContainerRecord, Run } from '../../../src/agent/recording/container-record.ts';
import { recordFor } from '../../../src/agent/recording/selection.ts';
import type { ProfileRecording } from '../../../src/api/types.ts';
import { syscallNumber } from '../../../src/kernel/syscalls.ts';
import type { KubeObject } from '../../../src/kube/object.ts';

export type Recording = ProfileRecording & KubeObject;

export function recording(spec: Partial<ProfileRecording['spec']> = {}, metadata: object = {}): Recording {
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'ProfileRecording',
    metadata: { name: 'rec', namespace: 'shop', uid: 'rec-uid', ...metadata },
    spec: { kind: 'SeccompProfile', recorder: 'Bpf', podSelector: { matchLabels: { app: 'web' } }, ...spec },
  };
}

/** A pod as the API server has it. */
export function rawPod(metadata: object = {}, status: object = {}, spec: object = {}): KubeObject {
  const given = { name: 'web', namespace: 'shop', uid: 'pod-uid', labels: { app: 'web' }, ...metadata };
  return { metadata: given, spec, status } as KubeObject;
}

export function status(id: string, state: object = { running: {} }, more: object = {}): object {
  return { name: 'front', containerID: `containerd://${id}`, state, ...more };
}

export function podObject(metadata: object = {}, statuses: readonly object[] = [], phase = 'Running') {
  return podOf(rawPod(metadata, { phase, containerStatuses: statuses }));
}

export function record(spec: Partial<ProfileRecording['spec']> = {}, pod: object = {}): ContainerRecord {
  return recordFor(recording(spec), podObject(pod), 'front', 'runc');
}

/** A run that called these, by the workload. */
export function run(names: readonly string[], reasons: readonly string[] = []): Run {
  return {
    calls: names.map((name) => ({ phase: 'workload', abi: 'x86_64', nr: syscallNumber('x86_64', name) ?? -1 })),
    reasons: reasons.map((code) => ({ code, message: `${code} it is` })),
  };
}
