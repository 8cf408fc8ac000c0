import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { until } from '../../support/until.ts';
import { useCluster } from './use.ts';
import { GROUP, installWebhooks, kubectlOf, type Webhooks } from './webhooks.ts';

const NGINX = 'syscribe.test/nginx:1';
const BUSYBOX = 'syscribe.test/busybox:1';

const NOT_BUILT = ['AppArmorProfile', 'SelinuxProfile'];

let webhooks: Webhooks | undefined;
const cluster = useCluster(0, async () => {
  webhooks = await installWebhooks(cluster);
  for (const name of ['bound', 'plain']) await kubectl('create', 'namespace', name);
  await kubectl('label', 'namespace', 'bound', 'spo.x-k8s.io/enable-binding=');
  for (const name of ['bound', 'plain'])
    await until(`the service account of ${name}`, () => succeeds('get', 'serviceaccount', 'default', '-n', name));
  await apply(profile('front'), profile('any'), profile('off', { state: 'Disabled' }));
  await apply(
    binding('front', NGINX, 'front'),
    binding('any', '*', 'any'),
    binding('off', 'syscribe.test/off:1', 'off'),
    ...NOT_BUILT.map((kind) => binding(kind.toLowerCase(), 'syscribe.test/off:2', 'kept', kind)),
  );
  await until(
    'pods are bound',
    async () => (await made(pod('probe', NGINX), '--dry-run=server')).spec.securityContext !== undefined,
  );
});
after(() => webhooks?.server[Symbol.asyncDispose]());

const kubectl = (...args: string[]) => kubectlOf(cluster, args);
const apply = (...items: object[]) =>
  kubectlOf(cluster, ['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
const succeeds = async (...args: string[]) => (await cluster.kubectl(args)).code === 0;
const create = (object: object, ...args: string[]) =>
  cluster.kubectl(['create', '-o', 'json', '-f', '-', ...args], JSON.stringify(object));

function profile(name: string, spec: object = {}): object {
  const whole = { defaultAction: 'SCMP_ACT_ALLOW', ...spec };
  return { apiVersion: `${GROUP}/v1`, kind: 'SeccompProfile', metadata: { name }, spec: whole };
}

/** As SPO's example has it: its old version knows no podSelector. */
function binding(name: string, image: string, of: string, kind = 'SeccompProfile'): object {
  const spec = { image, profileRef: { kind, name: of } };
  return { apiVersion: `${GROUP}/v1alpha1`, kind: 'ProfileBinding', metadata: { name, namespace: 'bound' }, spec };
}

function pod(name: string, image: string, namespace = 'bound', more: object = {}): object {
  const spec = { containers: [{ name: 'web', image }], initContainers: [{ name: 'init', image: NGINX }], ...more };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec };
}

interface Context {
  readonly seccompProfile?: object;
}

interface Made {
  readonly spec: { readonly securityContext?: Context } & Readonly<
    Record<'containers' | 'initContainers' | 'ephemeralContainers', readonly { readonly securityContext?: Context }[]>
  >;
}

async function made(object: object, ...args: string[]): Promise<Made> {
  const { code, stdout, stderr } = await create(object, ...args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

const at = (name: string) => ({ type: 'Localhost', localhostProfile: `operator/${name}.json` });

test('a pod gets the profile of its image in its containers, and that of * itself', cluster.options, async () => {
  const { spec } = await made(pod('front', NGINX));
  assert.deepEqual(spec.securityContext, { seccompProfile: at('any') });
  for (const container of [...spec.containers, ...spec.initContainers])
    assert.deepEqual(container.securityContext, { seccompProfile: at('front') });
});

test('where no namespace says so, nothing is bound', cluster.options, async () => {
  const { spec } = await made(pod('front', NGINX, 'plain'));
  assert.deepEqual([spec.securityContext, spec.containers[0]?.securityContext], [{}, undefined]);
});

test('a profile that is disabled is not bound, and who makes the pod is told', cluster.options, async () => {
  const { stdout, stderr } = await create(pod('off', 'syscribe.test/off:1'));
  assert.match(stderr, /Warning: binding off: SeccompProfile off is disabled: pod off does not get it/);
  assert.equal((JSON.parse(stdout) as Made).spec.containers[0]?.securityContext, undefined);
  assert.ok(webhooks?.told.includes('off ProfileDisabled'));
});

test('a profile that nothing installs is not bound, and who makes the pod is told', cluster.options, async () => {
  const profiles = [
    { apiVersion: `${GROUP}/v1`, kind: 'AppArmorProfile', metadata: { name: 'kept' }, spec: { abstract: {} } },
    { apiVersion: `${GROUP}/v1`, kind: 'SelinuxProfile', metadata: { name: 'kept' }, spec: {} },
  ];
  await apply(...profiles);
  const { code, stdout, stderr } = await create(pod('kept', 'syscribe.test/off:2'));
  assert.equal(code, 0, stderr);
  for (const kind of NOT_BUILT) {
    const message = `${kind}s are not installed by this version: pod kept does not get it`;
    assert.match(stderr, new RegExp(`Warning: binding ${kind.toLowerCase()}: ${message}`));
    assert.ok(webhooks?.told.includes(`${kind.toLowerCase()} KindNotBuilt`));
  }
  const { spec } = JSON.parse(stdout) as Made;
  assert.deepEqual(
    [spec.securityContext, spec.containers[0]?.securityContext],
    [{ seccompProfile: at('any') }, undefined],
  );
});

test('an ephemeral container gets the profile of its image', cluster.options, async () => {
  const before = await made(pod('debugged', BUSYBOX));
  const ephemeralContainers = [{ name: 'debug', image: NGINX, command: ['sh'] }];
  // Whatever else of it has changed meanwhile.
  const metadata = { name: 'debugged', namespace: 'bound' };
  const debugged = { ...before, metadata, spec: { ...before.spec, ephemeralContainers } };
  // As `kubectl debug` does, in every version.
  const path = '/api/v1/namespaces/bound/pods/debugged/ephemeralcontainers';
  await kubectlOf(cluster, ['replace', '--raw', path, '-f', '-'], JSON.stringify(debugged));
  const now: Made = JSON.parse(await kubectl('get', 'pod', 'debugged', '-n', 'bound', '-o', 'json'));
  assert.deepEqual(now.spec.ephemeralContainers[0]?.securityContext, { seccompProfile: at('front') });
  assert.equal(now.spec.containers[0]?.securityContext, undefined);
});

test('a webhook that is away refuses the pods of bound namespaces, and no others', cluster.options, async () => {
  const clientConfig = '/webhooks/0/clientConfig/url';
  const patch = [{ op: 'replace', path: clientConfig, value: 'https://127.0.0.1:1/nobody' }];
  const configuration = 'mutatingwebhookconfiguration/spo-mutating-webhook-configuration';
  await kubectl('patch', configuration, '--type=json', '-p', JSON.stringify(patch));
  await until('pods are refused', async () => (await create(pod('late', NGINX), '--dry-run=server')).code !== 0);
  const { stderr } = await create(pod('late', NGINX));
  assert.match(stderr, /failed calling webhook "binding\.spo\.io"/);
  await made(pod('late', NGINX, 'plain'));
  await kubectl('label', 'namespace', 'kube-system', 'spo.x-k8s.io/enable-binding=');
  await made(pod('late', NGINX, 'kube-system'), '--dry-run=server');
});
