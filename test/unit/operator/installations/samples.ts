import type { NodeStatus, ProfileBinding, SeccompProfile } from '../../../../src/api/types.ts';
import type { KubeObject } from '../../../../src/kube/object.ts';

const API_VERSION = 'security-profiles-operator.x-k8s.io/v1';

export function profile(name: string, metadata: object = {}, spec: object = {}): SeccompProfile & KubeObject {
  return {
    apiVersion: API_VERSION,
    kind: 'SeccompProfile',
    metadata: { name, uid: `uid-of-${name}`, ...metadata },
    spec: { state: 'Enabled', defaultAction: 'SCMP_ACT_ERRNO', ...spec },
  };
}

export function nodeStatus(
  of: string,
  node: string,
  status: NonNullable<NodeStatus['status']> = { status: 'Installed' },
): NodeStatus & KubeObject {
  const owner = { apiVersion: API_VERSION, kind: 'SeccompProfile', name: of, uid: `uid-of-${of}` };
  return {
    apiVersion: API_VERSION,
    kind: 'SecurityProfileNodeStatus',
    metadata: { name: `${of}-${node}`, uid: `uid-of-${of}-${node}`, ownerReferences: [owner] },
    spec: { nodeName: node },
    status,
  };
}

export function binding(name: string, of: string, namespace = 'shop'): ProfileBinding & KubeObject {
  return {
    apiVersion: API_VERSION,
    kind: 'ProfileBinding',
    metadata: { name, namespace, uid: `uid-of-${name}` },
    spec: { image: 'i', profileRef: { kind: 'SeccompProfile', name: of } },
  };
}
