import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { run, SYSCRIBE } from '../support/syscribe.ts';
import { DIRECTORY } from './cluster.ts';
import { install, NAMESPACE } from './installed.ts';
import { namespace, pod, podSpec } from './manifests.ts';
import { definition, prepareAsSpo, SPO_ROOT, SPO_USER, spoManifests } from './spo.ts';
import { useBareCluster } from './use.ts';
import { CRDS, kubectlOf } from './webhooks.ts';

const GROUP = 'security-profiles-operator.x-k8s.io';
const KUBELET = join(DIRECTORY, 'node-1/kubelet');
const WORKLOADS = 'deployments,daemonsets,replicasets';

const cluster = useBareCluster();

const kubectl = (args: readonly string[], input?: string) => kubectlOf(cluster, args, input);

function apply(...items: object[]): Promise<string> {
  return kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

function adopt(...options: string[]) {
  return run(SYSCRIBE, 'adopt', '--kubeconfig', cluster.kubeconfig, '--timeout=60s', ...options);
}

async function get(...what: string[]) {
  return JSON.parse(await kubectl(['get', ...what, '-o', 'json']));
}

const profile = (name: string, metadata: object = {}) => ({
  apiVersion: `${GROUP}/v1`,
  kind: 'SeccompProfile',
  metadata: { name, ...metadata },
  spec: { defaultAction: 'SCMP_ACT_ALLOW' },
});

test('what OLM has installed is refused, with what to do', cluster.options, async () => {
  await kubectl(['apply', '-k', CRDS]);
  await apply(definition('operators.coreos.com', 'v1alpha1', 'subscriptions', 'Subscription'));
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  await apply({
    apiVersion: 'operators.coreos.com/v1alpha1',
    kind: 'Subscription',
    metadata: { namespace: 'default', name: 'spo' },
    spec: { name: NAMESPACE },
  });
  const { code, stderr } = await adopt();
  assert.equal(code, 1);
  assert.match(stderr, /Subscription default\/spo\n.*remedy: Delete the Subscription/);
  await kubectl(['delete', 'crd', 'subscriptions.operators.coreos.com']);
});

test('a dry run tells all and does nothing', cluster.options, async () => {
  prepareAsSpo(KUBELET, { 'web.json': profile('web').spec });
  await apply(
    definition('cert-manager.io', 'v1', 'certificates', 'Certificate'),
    definition('cert-manager.io', 'v1', 'issuers', 'Issuer'),
  );
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  await apply(...(await spoManifests()));
  const metadata = { namespace: NAMESPACE, name: 'webhook-cert' };
  await apply({ apiVersion: 'cert-manager.io/v1', kind: 'Certificate', metadata });
  await apply(profile('web', { finalizers: ['node-1-deleted', 'node-9-deleted'] }));
  await kubectl(['-n', NAMESPACE, 'rollout', 'status', `deployment/${NAMESPACE}-webhook`, '--timeout=60s']);
  const before = await kubectl(['-n', NAMESPACE, 'get', WORKLOADS, '-o', 'yaml']);
  const { code, stdout, stderr } = await adopt('--dry-run');
  assert.equal(code, 0, stderr);
  for (const told of [
    /would be only the webhook for bindings stays.*: recording\.spo\.io/,
    /would be deleted: Deployment security-profiles-operator\n/,
    /would be deleted.*: DaemonSet spod\n/,
    /would be deleted, its pods serve until ours do: Deployment security-profiles-operator-webhook\n/,
    /would be deleted.*: Certificate webhook-cert\n/,
    /would be deleted.*: ClusterRoleBinding spod\n/,
    /would be taken away.*: web node-9-deleted\n/,
    /ConfigMap security-profiles-operator-profile/,
  ])
    assert.match(stdout, told);
  assert.doesNotMatch(stdout, /node-1-deleted/);
  const now = await kubectl(['-n', NAMESPACE, 'get', WORKLOADS, '-o', 'yaml']);
  const stable = (text: string) => text.replace(/resourceVersion: .*\n/g, '').match(/(^ {4}name|uid): .*$/gm);
  assert.deepEqual(stable(now), stable(before));
});

test('it is not what uninstall takes away', cluster.options, async () => {
  const { code, stderr } = await run(SYSCRIBE, 'uninstall', '--force', '--kubeconfig', cluster.kubeconfig);
  assert.equal(code, 1);
  assert.match(stderr, /nothing was done: what is installed is the Security Profiles Operator\n/);
});

test('what it records is waited for; then its place is ours, and its profiles are', cluster.options, async () => {
  const traced = pod('shop', 'traced', 'x', podSpec([{ name: 'c', script: 'exec sleep 1000' }])) as {
    metadata: object;
  };
  const annotations = { 'io.containers.trace-bpf/c': 'rec_c_abcde_1' };
  // Without labels: SPO's webhook sleeps.
  await apply({ ...(namespace('shop') as object), metadata: { name: 'shop' } });
  await apply({ ...traced, metadata: { ...traced.metadata, annotations } });
  const refused = await adopt('--timeout=2s');
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /still records after 2 s: pod shop\/traced/);
  assert.equal((await get('-n', NAMESPACE, 'daemonset', 'spod')).metadata.name, 'spod', 'nothing was done');
  await kubectl(['-n', 'shop', 'delete', 'pod', 'traced', '--grace-period=1']);
  const { code, stderr, stdout } = await adopt();
  assert.equal(code, 0, stderr);
  assert.match(stdout, /adopt once more/);
  const left = await get('-n', NAMESPACE, WORKLOADS);
  assert.deepEqual(
    left.items.map(({ kind }: { kind: string }) => kind),
    ['ReplicaSet'],
    'its webhook alone serves',
  );
  const { webhooks } = await get('mutatingwebhookconfiguration', 'spo-mutating-webhook-configuration');
  assert.deepEqual(
    webhooks.map(({ name, rules }: { name: string; rules: { operations: string[] }[] }) => [
      name,
      rules[0]?.operations,
    ]),
    [['binding.spo.io', ['CREATE']]],
  );
  await install(kubectl);
  const again = await adopt();
  assert.equal(again.code, 0, again.stderr);
  const sets = await get('-n', NAMESPACE, 'replicasets');
  for (const { metadata } of sets.items) assert.ok(metadata.ownerReferences, `${metadata.name} is somebody's`);
  const config = await get('mutatingwebhookconfiguration', 'spo-mutating-webhook-configuration');
  assert.deepEqual(config.metadata.annotations?.['cert-manager.io/inject-ca-from'], undefined);
  for (const one of config.webhooks) {
    assert.equal(one.objectSelector?.matchExpressions, undefined);
    assert.ok(one.clientConfig.caBundle);
  }
});

test('the agent writes into SPO’s directory, which stays SPO’s, without a right more', cluster.options, async () => {
  await apply(profile('fresh'));
  await kubectl(['wait', '--for=condition=ready', 'sp', 'fresh', 'web', '--timeout=60s']);
  assert.deepEqual(JSON.parse(readFileSync(join(SPO_ROOT, 'fresh.json'), 'utf8')), (await get('sp', 'fresh')).spec);
  const { mode, uid, gid } = statSync(join(KUBELET, 'seccomp/operator'));
  assert.deepEqual([mode & 0o7777, uid, gid], [0o774, SPO_USER, SPO_USER]);
  const { spec } = await get('-n', NAMESPACE, 'daemonset', 'spod');
  const { containers, initContainers } = spec.template.spec;
  const capabilities = containers[0].securityContext.capabilities.add.filter(
    (name: string) => !name.startsWith('AUDIT_'),
  );
  assert.deepEqual(capabilities, ['BPF', 'PERFMON', 'SYS_PTRACE', 'DAC_READ_SEARCH']);
  assert.deepEqual(initContainers[0].securityContext.capabilities, { drop: ['ALL'] });
  // SPO's own file is replaced and taken away as ours are, and its finalizer with it.
  await kubectl(['delete', 'sp', 'web', '--timeout=60s']);
  assert.ok(!existsSync(join(SPO_ROOT, 'web.json')));
});

test('uninstalled, nothing of either is left on the node', cluster.options, async (context) => {
  context.after(async () => {
    resetSpoRoot();
    await kubectl(['delete', 'crd', 'certificates.cert-manager.io', 'issuers.cert-manager.io']);
    await kubectl(['delete', 'namespace', 'shop', NAMESPACE, '--ignore-not-found']);
  });
  const { code, stderr } = await run(SYSCRIBE, 'uninstall', '--kubeconfig', cluster.kubeconfig, '--timeout=60s');
  assert.equal(code, 0, stderr);
  assert.deepEqual(readdirSync(SPO_ROOT), []);
  assert.ok(!existsSync(join(KUBELET, 'seccomp/operator')));
});

/** It outlives clusters: as the kubelet makes it for our agents, it is left to the next of them. */
function resetSpoRoot(): void {
  if (!existsSync(SPO_ROOT)) return;
  for (const name of readdirSync(SPO_ROOT)) rmSync(join(SPO_ROOT, name));
  chownSync(SPO_ROOT, 0, 0);
  chmodSync(SPO_ROOT, 0o755);
}
