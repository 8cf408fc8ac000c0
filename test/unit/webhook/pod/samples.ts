import type { ProfileRecording } from '../../../../src/api/types.ts';
import type { Container, Pod } from '../../../../src/webhook/pod/pod.ts';

export function recording(name: string, spec: Partial<ProfileRecording['spec']> = {}, metadata = {}): ProfileRecording {
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'ProfileRecording',
    metadata: { name, namespace: 'default', ...metadata },
    spec: { kind: 'SeccompProfile', recorder: 'Bpf', podSelector: { matchLabels: { app: 'web' } }, ...spec },
  };
}

export function pod(containers: readonly Container[] = [{ name: 'web' }], spec: Partial<Pod['spec']> = {}): Pod {
  return { metadata: { name: 'web', labels: { app: 'web' } }, spec: { containers, ...spec } };
}
