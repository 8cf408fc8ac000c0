import type { NodeReport, NodeStatus, ProfileBinding, SeccompProfile } from '../../../../src/api/types.ts';
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

/** @param profiles by name */
export function nodeReport(
  node: string,
  profiles: Readonly<Record<string, object>>,
  metadata: object = {},
): NodeReport & KubeObject {
  const told = Object.entries(profiles).map(([of, one]) => [
    `SeccompProfile/${of}`,
    { uid: `uid-of-${of}`, status: 'Installed' as const, observedGeneration: 1, ...one },
  ]);
  return {
    apiVersion: API_VERSION,
    kind: 'SecurityProfileNodeReport',
    metadata: { name: node, uid: `uid-of-${node}`, ...metadata },
    spec: { nodeName: node },
    status: { profiles: Object.fromEntries(told) },
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
