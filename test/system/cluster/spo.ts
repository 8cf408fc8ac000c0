/**
 * An installation of the Security Profiles Operator as its manifests, and what its processes make of them, are documented. SPO itself
 * cannot be had here: the programs in these pods sleep.
 */
import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestAuthority } from '../../support/certificates.ts';
import { NAMESPACE } from './installed.ts';
import { podSpec } from './manifests.ts';

/** Where SPO keeps files on nodes: `<kubelet>/seccomp/operator` is a link to it. */
export const SPO_ROOT = '/var/lib/security-profiles-operator';
/** SPO's user. */
export const SPO_USER = 65535;

const LABELS = { app: NAMESPACE };

function workload(kind: string, name: string, command: string, more: Parameters<typeof podSpec>[1] = {}): object {
  const labels = { ...LABELS, name };
  const container = { name: NAMESPACE, script: 'exec sleep 1000000' };
  const spec = podSpec([{ ...container, args: [command] }], more);
  const template = { metadata: { labels }, spec };
  const replicas = kind === 'Deployment' ? { replicas: 1 } : {};
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { namespace: NAMESPACE, name, labels: LABELS },
    spec: { ...replicas, selector: { matchLabels: labels }, template },
  };
}

function webhook(name: string, path: string, operations: string[]): object {
  return {
    name,
    clientConfig: { service: { name: 'webhook-service', namespace: NAMESPACE, path } },
    admissionReviewVersions: ['v1'],
    failurePolicy: 'Fail',
    sideEffects: 'None',
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations, resources: ['pods'] }],
    namespaceSelector: {
      matchExpressions: [{ key: `spo.x-k8s.io/enable-${name.split('.')[0]}`, operator: 'Exists' }],
    },
    objectSelector: { matchExpressions: [{ key: 'name', operator: 'NotIn', values: [NAMESPACE] }] },
  };
}

/** All but the definitions, which are those of ours. */
export async function spoManifests(): Promise<object[]> {
  const authority = await TestAuthority.create();
  const { cert, key } = await authority.issue(1);
  const encoded = (text: string) => Buffer.from(text).toString('base64');
  const certificate = { 'tls.crt': encoded(cert), 'tls.key': encoded(key), 'ca.crt': encoded(authority.cert) };
  const certificates = { name: 'certs', secret: { secretName: 'webhook-server-cert' } };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels: LABELS } },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/tls',
      metadata: { namespace: NAMESPACE, name: 'webhook-server-cert' },
      data: certificate,
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: NAMESPACE, name: 'security-profiles-operator-profile', labels: LABELS },
    },
    workload('Deployment', NAMESPACE, 'manager'),
    workload('Deployment', `${NAMESPACE}-webhook`, 'webhook', { volumes: [certificates] }),
    workload('DaemonSet', 'spod', 'daemon', {
      initContainers: [{ name: 'non-root-enabler', script: 'true' }],
    }),
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'spod', labels: LABELS },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'spod-of-spo' },
      subjects: [{ kind: 'ServiceAccount', name: 'spod', namespace: NAMESPACE }],
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: {
        name: 'spo-mutating-webhook-configuration',
        annotations: { 'cert-manager.io/inject-ca-from': `${NAMESPACE}/webhook-cert` },
      },
      webhooks: [
        webhook('binding.spo.io', '/mutate-v1-pod-binding', ['CREATE', 'UPDATE', 'DELETE']),
        webhook('recording.spo.io', '/mutate-v1-pod-recording', ['CREATE', 'UPDATE', 'DELETE']),
      ],
    },
    {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: NAMESPACE, name: 'security-profiles-operator-lock' },
      spec: {
        holderIdentity: 'security-profiles-operator-5d_1b',
        leaseDurationSeconds: 15,
        renewTime: `${new Date().toISOString().replace('Z', '000Z')}`,
      },
    },
  ];
}

/** A node as SPO's init container leaves it, with the files of some profiles. */
export function prepareAsSpo(kubelet: string, files: Readonly<Record<string, object>>): void {
  const seccomp = join(kubelet, 'seccomp');
  mkdirSync(seccomp, { recursive: true, mode: 0o744 });
  mkdirSync(SPO_ROOT, { recursive: true });
  chmodSync(SPO_ROOT, 0o744);
  rmSync(join(seccomp, 'operator'), { recursive: true, force: true });
  symlinkSync(SPO_ROOT, join(seccomp, 'operator'));
  for (const [name, content] of Object.entries({ 'kubelet-config.json': { kubeletDir: kubelet }, ...files })) {
    writeFileSync(join(SPO_ROOT, name), JSON.stringify(content), { mode: 0o644 });
    chownSync(join(SPO_ROOT, name), SPO_USER, SPO_USER);
  }
  chownSync(SPO_ROOT, SPO_USER, SPO_USER);
}

/** A kind that is there without whoever serves it. */
export function definition(group: string, version: string, plural: string, kind: string, scope = 'Namespaced'): object {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope,
      names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: open } }],
    },
  };
}
