import { encodeState, type RecordingState } from '../../../src/api/recording-state.ts';
import type { ProfileRecording } from '../../../src/api/types.ts';
import {
  type Instance,
  instancesOf,
  type ProfileObject,
  type RecordingObject,
} from '../../../src/operator/recordings/instances.ts';

export function recording(spec: Partial<ProfileRecording['spec']> = {}, metadata: object = {}): RecordingObject {
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'ProfileRecording',
    metadata: { name: 'rec', namespace: 'shop', uid: 'rec-uid', ...metadata },
    spec: { kind: 'SeccompProfile', recorder: 'Bpf', mergeStrategy: 'Containers', podSelector: {}, ...spec },
  };
}

/** What the agent of a node writes of one container. */
export function partial(
  name: string,
  syscalls: readonly string[],
  state: Partial<RecordingState> = {},
  metadata: { container?: string; created?: string; uid?: string; owner?: string } = {},
): ProfileObject {
  const { container = 'front', created = '2026-01-01T00:00:00Z', uid = `uid-of-${name}`, owner = 'rec-uid' } = metadata;
  const whole: RecordingState = {
    pod: { name: `pod-${name}`, uid: `pod-uid-${name}` },
    container,
    node: 'node-1',
    running: 0,
    done: 1,
    finished: true,
    reasons: [],
    ...state,
  };
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'SeccompProfile',
    metadata: {
      name,
      uid,
      creationTimestamp: created,
      labels: {
        'spo.x-k8s.io/recording-id': 'rec',
        'spo.x-k8s.io/recording-namespace': 'shop',
        'spo.x-k8s.io/container-id': container,
        'spo.x-k8s.io/node-name': 'node-1',
        'spo.x-k8s.io/partial': 'true',
      },
      annotations: { 'spo.x-k8s.io/recording-uid': owner, 'spo.x-k8s.io/recording-state': encodeState(whole) },
    },
    spec: {
      state: 'Enabled',
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: ['SCMP_ARCH_X86_64'],
      syscalls: [{ names: [...syscalls], action: 'SCMP_ACT_ALLOW' }],
    },
  };
}

export function instances(profiles: readonly ProfileObject[], of = recording()): Instance[] {
  return instancesOf(of, profiles);
}

/** So many finished ones, each with a call of its own, the oldest first. */
export function many(count: number): ProfileObject[] {
  return Array.from({ length: count }, (_, index) =>
    partial(`p${index}`, ['read', `own_${index}`], {}, { created: new Date(index * 1000).toISOString() }),
  );
}
