/** Manifests that tests apply. */
import type { ImageName } from '../containers/root.ts';

export interface ContainerSpec {
  readonly name: string;
  readonly image?: ImageName;
  readonly script?: string;
  readonly [field: string]: unknown;
}

export function namespace(name: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'spo.x-k8s.io/enable-recording': 'true' } },
  };
}

export function recording(namespace: string, name: string, spec: object = {}): object {
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'ProfileRecording',
    metadata: { namespace, name },
    spec: {
      kind: 'SeccompProfile',
      recorder: 'Bpf',
      podSelector: { matchLabels: { app: name } },
      snapshotInterval: '1s',
      ...spec,
    },
  };
}

function container({ image = 'busybox', script, ...fields }: ContainerSpec): object {
  return {
    image: `syscribe.test/${image}:1`,
    imagePullPolicy: 'Never',
    ...(script !== undefined && { command: ['sh', '-c', script] }),
    ...fields,
  };
}

export function podSpec(
  containers: readonly ContainerSpec[],
  fields: { readonly initContainers?: readonly ContainerSpec[]; readonly [field: string]: unknown } = {},
): object {
  const { initContainers, ...others } = fields;
  return {
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    containers: containers.map(container),
    ...(initContainers && { initContainers: initContainers.map(container) }),
    ...others,
  };
}

export function pod(namespace: string, name: string, app: string, spec: object): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels: { app } },
    spec: { restartPolicy: 'Never', ...spec },
  };
}

export function deployment(
  namespace: string,
  name: string,
  replicas: number,
  spec: object,
  kind: 'Deployment' | 'StatefulSet' = 'Deployment',
): object {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { namespace, name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec },
    },
  };
}
