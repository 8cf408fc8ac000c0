import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { run, SYSCRIBE } from '../support/syscribe.ts';
import { DIRECTORY } from './cluster.ts';
import { install, NAMESPACE } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';
import { useBareCluster } from './use.ts';
import { kubectlOf } from './webhooks.ts';

const GROUP = 'security-profiles-operator.x-k8s.io';
const FOLDER = join(DIRECTORY, 'node-1/kubelet/seccomp/operator');
const STATE = join(DIRECTORY, 'node-1/syscribe');
const PINS = '/sys/fs/bpf/syscribe-node-1';
const WIDE =
  'crd,clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding,mutatingwebhookconfiguration';

const cluster = useBareCluster();

const kubectl = (args: readonly string[], input?: string) => kubectlOf(cluster, args, input);

function apply(...items: object[]): Promise<string> {
  return kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

function uninstall(...options: string[]) {
  return run(SYSCRIBE, 'uninstall', '--kubeconfig', cluster.kubeconfig, '--timeout=60s', ...options);
}

/** Names of what is ours in all of the cluster. */
async function left(): Promise<string[]> {
  const names = (await kubectl(['get', WIDE, '-o', 'name'])).split('\n');
  return names.filter((name) => /spo\b|spo-|spod|security-profiles/.test(name));
}

async function installProfile(name: string): Promise<void> {
  const spec = { defaultAction: 'SCMP_ACT_ALLOW' };
  await apply({ apiVersion: `${GROUP}/v1`, kind: 'SeccompProfile', metadata: { name }, spec });
  await kubectl(['wait', '--for=condition=ready', 'sp', name, '--timeout=30s']);
  assert.ok(existsSync(join(FOLDER, `${name}.json`)));
}

test('refused while a pod uses a profile: nothing is done, the pod is named', cluster.options, async () => {
  await install(kubectl);
  await installProfile('web');
  const under = { securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'operator/web.json' } } };
  const spec = podSpec([{ name: 'c', script: 'exec sleep 1000' }], under);
  await apply(namespace('shop'), pod('shop', 'user', 'user', { ...spec, restartPolicy: 'Always' }));
  await kubectl(['-n', 'shop', 'wait', '--for=condition=ready', 'pod/user', '--timeout=60s']);
  const before = await left();
  const { code, stderr, stdout } = await uninstall('--force');
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /nothing was done: pods use profiles: shop\/user\n.*remedy: .*--keep-files/);
  assert.deepEqual(await left(), before);
});

test('with --keep-files all goes but the files, by which its pods go on', cluster.options, async () => {
  const { code, stderr } = await uninstall('--keep-files');
  assert.equal(code, 0, stderr);
  assert.deepEqual(await left(), []);
  assert.ok(existsSync(join(FOLDER, 'web.json')));
  assert.ok(!existsSync(STATE));
  // A new pod begins under that file.
  await kubectl(['-n', 'shop', 'delete', 'pod', 'user', '--grace-period=1']);
  const under = { securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'operator/web.json' } } };
  await apply(pod('shop', 'again', 'user', podSpec([{ name: 'c', script: 'true' }], under)));
  await kubectl(['-n', 'shop', 'wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/again', '--timeout=60s']);
});

test('installed again, and taken away by its Job: no object, definition or file is left', cluster.options, async () => {
  await kubectl(['wait', '--for=delete', `namespace/${NAMESPACE}`, '--timeout=60s']);
  await install(kubectl);
  await installProfile('web');
  await apply(
    recording('shop', 'rec'),
    pod('shop', 'recorded', 'rec', podSpec([{ name: 'c', script: 'mkdir /tmp/x' }])),
  );
  await kubectl(['wait', '--for=create', 'sp/rec-c', '--timeout=60s']);
  assert.ok(existsSync(PINS));
  await kubectl(['apply', '-k', 'deploy/uninstall']);
  const job = ['-n', NAMESPACE, 'job/spo-uninstall'];
  await kubectl(['wait', ...job, '--for=condition=complete', '--timeout=120s']).catch(async (error) => {
    throw new Error(await kubectl(['logs', ...job]), { cause: error });
  });
  assert.match(await kubectl(['logs', ...job]), /the namespace security-profiles-operator stays/);
  assert.deepEqual(
    (await left()).filter((name) => !name.includes('spo-uninstall')),
    [],
  );
  for (const path of [FOLDER, STATE, PINS]) assert.ok(!existsSync(path), path);
  const again = await uninstall();
  assert.equal(again.code, 0, again.stderr);
  await kubectl(['delete', '-k', 'deploy/uninstall', '--ignore-not-found']);
  assert.equal((await uninstall()).code, 0, 'now the namespace, too');
  await kubectl(['wait', '--for=delete', `namespace/${NAMESPACE}`, '--timeout=60s']);
  assert.deepEqual(await left(), []);
});

test('with the operator gone, --force takes finalizers away, those of dead nodes too', cluster.options, async () => {
  await install(kubectl);
  await installProfile('held');
  const finalizers = ['spo.x-k8s.io/on-nodes', 'dead-node-deleted'];
  await kubectl(['patch', 'sp', 'held', '--type=merge', '-p', JSON.stringify({ metadata: { finalizers } })]);
  await kubectl(['-n', NAMESPACE, 'delete', 'deployment', NAMESPACE]);
  await kubectl(['-n', NAMESPACE, 'scale', `deployment/${NAMESPACE}-webhook`, '--replicas=0']);
  const refused = await uninstall();
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /no operator is ready/);
  const { code, stderr } = await uninstall('--force');
  assert.equal(code, 0, stderr);
  assert.deepEqual(await left(), []);
  for (const path of [FOLDER, STATE, PINS]) assert.ok(!existsSync(path), path);
});

test(
  'whoever deletes the namespace instead is not left with webhooks that nobody answers',
  cluster.options,
  async () => {
    await kubectl(['wait', '--for=delete', `namespace/${NAMESPACE}`, '--timeout=60s']);
    await install(kubectl);
    const configuration = 'mutatingwebhookconfiguration/spo-mutating-webhook-configuration';
    await kubectl(['get', configuration]);
    await kubectl(['delete', 'namespace', NAMESPACE, '--timeout=120s']);
    await kubectl(['wait', '--for=delete', configuration, '--timeout=60s']);
    const labels = { 'spo.x-k8s.io/enable-binding': 'true' };
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bound', labels } });
    await kubectl(['wait', '--for=create', '-n', 'bound', 'serviceaccount/default', '--timeout=30s']);
    await apply(pod('bound', 'free', 'free', podSpec([{ name: 'c', script: 'true' }])));
    const { code, stderr } = await uninstall('--force');
    assert.equal(code, 0, stderr);
    assert.deepEqual(await left(), []);
    await kubectl(['delete', 'namespace', 'bound', 'shop']);
  },
);
