import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { run } from '../support/syscribe.ts';
import { DIRECTORY, usualKubernetes } from './cluster.ts';
import { daemon, NAMESPACE } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';
import { useBareCluster } from './use.ts';
import { kubectlOf } from './webhooks.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; annotations?: Record<string, string> };
  readonly spec?: { template?: { spec?: Pod } };
  readonly webhooks?: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
}

interface Pod {
  imagePullSecrets?: unknown;
  initContainers?: { imagePullPolicy?: unknown }[];
  containers: { imagePullPolicy?: unknown }[];
}

const PLUGIN = fileURLToPath(new URL('../../../bin/kubectl-syscribe', import.meta.url));
const CHART = fileURLToPath(new URL('../../../deploy/helm/syscribe/', import.meta.url));
const AGENTS_FIELDS = fileURLToPath(new URL('deploy/agents.yaml', import.meta.url));
const GROUP = 'security-profiles-operator.x-k8s.io';
const FOLDER = join(DIRECTORY, 'node-1/kubelet/seccomp/operator');

const cluster = useBareCluster();
const work = mkdtempSync(join(tmpdir(), 'syscribe-helm-'));
after(() => rmSync(work, { recursive: true }));

const kubectl = (args: readonly string[], input?: string) => kubectlOf(cluster, args, input);

/** Whatever Helm writes for itself is gone with the tests. */
function helm(...args: string[]) {
  const home = ['HELM_CACHE_HOME', 'HELM_CONFIG_HOME', 'HELM_DATA_HOME'].map((name) => `${name}=${work}`);
  const where = ['--namespace', NAMESPACE, '--kubeconfig', cluster.kubeconfig];
  return run('env', ...home, join(usualKubernetes(), 'helm'), ...where, ...args);
}

async function helmDoes(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await helm(...args);
  assert.equal(code, 0, `helm ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** What the nodes of `make cluster` need beside what the operator makes of the daemon object. */
async function setUpAgents(): Promise<void> {
  await kubectl(['apply', '-f', AGENTS_FIELDS]);
  await kubectl(['apply', '-f', '-'], JSON.stringify(daemon()));
  await kubectl(['-n', NAMESPACE, 'wait', '--for=condition=ready', 'spod', 'spod', '--timeout=180s']);
}

/** Until the operator has rolled out agents that have this in their environment. */
async function agentsAre(having: string): Promise<void> {
  const path = `{.spec.template.spec.containers[0].env[?(@.name=="${having}")].name}`;
  await kubectl(['-n', NAMESPACE, 'wait', `--for=jsonpath=${path}=${having}`, 'daemonset/spod', '--timeout=60s']);
  await kubectl(['-n', NAMESPACE, 'rollout', 'status', 'daemonset/spod', '--timeout=60s']);
}

function objects(text: string): Map<string, Manifest> {
  const all = parseAllDocuments(text).map((document) => document.toJS() as Manifest | null);
  return new Map(all.flatMap((one) => (one ? [[`${one.kind} ${one.metadata.name}`, one]] : [])));
}

/** Without what says the same as saying nothing. */
function plain(object: Manifest): Manifest {
  const { metadata, spec } = object;
  if (metadata.annotations?.['helm.sh/resource-policy'] === 'keep')
    delete metadata.annotations['helm.sh/resource-policy'];
  if (metadata.annotations && Object.keys(metadata.annotations).length === 0) delete metadata.annotations;
  const podOf = spec?.template?.spec;
  if (!podOf) return object;
  assert.deepEqual(podOf.imagePullSecrets, []);
  delete podOf.imagePullSecrets;
  for (const container of [...(podOf.initContainers ?? []), ...podOf.containers]) {
    assert.equal(container.imagePullPolicy, 'IfNotPresent');
    delete container.imagePullPolicy;
  }
  return object;
}

async function installProfile(name: string): Promise<void> {
  const made = { apiVersion: `${GROUP}/v1`, kind: 'SeccompProfile', metadata: { name } };
  await kubectl(['apply', '-f', '-'], JSON.stringify({ ...made, spec: { defaultAction: 'SCMP_ACT_ALLOW' } }));
  await kubectl(['wait', '--for=condition=ready', 'sp', name, '--timeout=60s']);
}

test('with nothing set, the chart makes what kustomize makes, and its hook', cluster.options, async () => {
  await helmDoes('lint', CHART);
  const made = objects(await helmDoes('template', 's', CHART));
  const wanted = objects(await kubectl(['kustomize', 'deploy']));
  wanted.delete(`Namespace ${NAMESPACE}`);
  for (const [name, object] of objects(await kubectl(['kustomize', 'deploy/uninstall']))) {
    assert.equal(made.get(name)?.metadata.annotations?.['helm.sh/hook'], 'pre-delete', name);
    assert.deepEqual(made.get(name)?.kind, object.kind);
    made.delete(name);
  }
  assert.deepEqual([...made.keys()].toSorted(), [...wanted.keys()].toSorted());
  for (const [name, object] of made) assert.deepEqual(plain(object), wanted.get(name), name);
});

test('values of another shape, and another namespace, are refused', cluster.options, async () => {
  for (const value of ['webhook.certificates=none', 'operator.replicas=0', 'image.digest=sha256:x', 'agnet.x=1']) {
    const { code, stderr } = await helm('template', 's', CHART, '--set', value);
    assert.notEqual(code, 0, value);
    assert.match(stderr, /values don't meet the specifications|Additional property/);
  }
  const elsewhere = await helm('template', 's', CHART, '--namespace', 'default');
  assert.notEqual(elsewhere.code, 0);
  assert.match(elsewhere.stderr, /--namespace security-profiles-operator/);
});

test('installed, upgraded and rolled back: profiles stay, and whom to trust', cluster.options, async () => {
  await helmDoes('install', 's', CHART, '--create-namespace', '--wait', '--timeout=120s');
  await setUpAgents();
  await installProfile('kept');
  const replicas = async () =>
    kubectl(['-n', NAMESPACE, 'get', 'deployment', NAMESPACE, '-o', 'jsonpath={.spec.replicas}']);
  const bundles = async () => {
    const name = ['mutatingwebhookconfiguration', 'spo-mutating-webhook-configuration'];
    const { webhooks } = JSON.parse(await kubectl(['get', ...name, '-o', 'json'])) as Manifest;
    return webhooks?.map(({ clientConfig }) => clientConfig.caBundle);
  };
  const trusted = await bundles();
  assert.ok(trusted?.every((bundle) => bundle));
  assert.equal(await replicas(), '2');
  await helmDoes('upgrade', 's', CHART, '--set', 'operator.replicas=1', '--wait', '--timeout=120s');
  assert.equal(await replicas(), '1');
  assert.deepEqual(await bundles(), trusted);
  await helmDoes('rollback', 's', '1', '--wait', '--timeout=120s');
  assert.equal(await replicas(), '2');
  assert.deepEqual(await bundles(), trusted);
  await kubectl(['wait', '--for=condition=ready', 'sp', 'kept', '--timeout=30s']);
  await installProfile('after');
});

test('a second installation is refused, by its name', cluster.options, async () => {
  const elsewhere = (await kubectl(['kustomize', 'deploy']))
    .split('---\n')
    .filter((text) => /^kind: Deployment$/m.test(text))
    .join('---\n')
    .replaceAll(`namespace: ${NAMESPACE}`, 'namespace: default');
  const { code, stderr } = await cluster.kubectl(['create', '-f', '-'], elsewhere);
  assert.equal(code, 1);
  assert.equal(
    stderr.match(/a cluster has one installation, in the namespace security-profiles-operator/g)?.length,
    2,
    stderr,
  );
  await kubectl(['-n', 'default', 'create', 'deployment', 'spod', '--image=x', '--replicas=0']);
});

test('restricted to namespaces, others are not seen, and there is no right to', cluster.options, async () => {
  const values = ['--set', 'restrictToNamespaces={shop}'];
  const labelled = [namespace('shop'), namespace('elsewhere')];
  await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: labelled }));
  await helmDoes('upgrade', 's', CHART, ...values, '--wait', '--timeout=120s');
  await agentsAre('RESTRICT_TO_NAMESPACE');
  for (const account of ['spod', NAMESPACE, 'spo-webhook'])
    for (const [where, may] of [
      ['--namespace=shop', 'yes'],
      ['--namespace=elsewhere', 'no'],
      ['--all-namespaces', 'no'],
    ] as const) {
      const question = ['auth', 'can-i', 'list', `profilerecordings.${GROUP}`, where];
      const { stdout } = await cluster.kubectl([...question, `--as=system:serviceaccount:${NAMESPACE}:${account}`]);
      assert.equal(stdout.trim(), may, `${account} ${where}`);
    }
  const { stdout } = await run(PLUGIN, 'doctor', '-o', 'json', '--kubeconfig', cluster.kubeconfig);
  const rights = (JSON.parse(stdout) as { name: string; state: string; text: string }[]).filter(({ name }) =>
    name.startsWith('rights of'),
  );
  assert.deepEqual(
    rights.map(({ state }) => state),
    ['ok', 'ok', 'ok'],
    JSON.stringify(rights),
  );
  for (const name of ['elsewhere', 'shop']) {
    const recorded = pod(name, 'one', `of-${name}`, podSpec([{ name: 'c', script: 'mkdir /tmp/x' }]));
    const items = [recording(name, `of-${name}`), recorded];
    await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    await kubectl(['-n', name, 'wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/one', '--timeout=60s']);
  }
  await kubectl(['wait', '--for=create', 'sp/of-shop-c', '--timeout=60s']);
  await kubectl(['wait', '--for=condition=ready', 'sp', 'of-shop-c', '--timeout=60s']);
  assert.equal((await cluster.kubectl(['get', 'sp', 'of-elsewhere-c'])).code, 1);
});

test('uninstall is refused while a pod uses a profile; then nothing is left', cluster.options, async () => {
  const under = { securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'operator/kept.json' } } };
  const user = pod('shop', 'user', 'x', podSpec([{ name: 'c', script: 'exec sleep 1000' }], under));
  const items = [namespace('shop'), user];
  await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await kubectl(['-n', 'shop', 'wait', '--for=condition=ready', 'pod/user', '--timeout=60s']);
  const refused = await helm('uninstall', 's', '--timeout=60s');
  assert.notEqual(refused.code, 0);
  const log = await kubectl(['-n', NAMESPACE, 'logs', 'job/spo-uninstall']);
  assert.match(log, /nothing was done: pods use profiles: shop\/user/);
  await kubectl(['wait', '--for=condition=ready', 'sp', 'kept', '--timeout=30s']);
  assert.ok(existsSync(join(FOLDER, 'kept.json')));
  await kubectl(['-n', 'shop', 'delete', 'pod', 'user', '--grace-period=1']);
  await helmDoes('uninstall', 's', '--timeout=120s');
  const wide = 'crd,clusterrole,clusterrolebinding,validatingadmissionpolicy,mutatingwebhookconfiguration';
  const left = (await kubectl(['get', wide, '-o', 'name'])).split('\n');
  assert.deepEqual(
    left.filter((name) => /spo\b|spo-|spod|security-profiles/.test(name)),
    [],
  );
  assert.equal(await kubectl(['-n', NAMESPACE, 'get', 'all,secrets,leases', '-o', 'name']), '');
  assert.ok(!existsSync(FOLDER));
  // Helm makes namespaces, and leaves them.
  await kubectl(['delete', 'namespace', NAMESPACE, 'shop', 'elsewhere']);
  await kubectl(['-n', 'default', 'delete', 'deployment', 'spod']);
});
