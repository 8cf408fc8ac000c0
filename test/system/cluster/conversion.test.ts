import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { KubeClient } from '../../../src/kube/client.ts';
import { loadConnection } from '../../../src/kube/config.ts';
import { migrateStorage } from '../../../src/operator/migration.ts';
import { until } from '../../support/until.ts';
import { useCluster } from './use.ts';
import { CRDS, GROUP, installWebhooks, kubectlOf, replace, type Webhooks } from './webhooks.ts';

const OLD = fileURLToPath(new URL('pre-1.0/', import.meta.url));
let webhooks: Webhooks | undefined;
const cluster = useCluster(0, async () => {
  webhooks = await installWebhooks(cluster);
  for (const [plural, version] of Object.entries(VERSIONS))
    await until(`${plural} are converted`, () => lists(`${plural}.${version}.${GROUP}`));
});
after(() => webhooks?.server[Symbol.asyncDispose]());

const VERSIONS = {
  seccompprofiles: 'v1beta1',
  selinuxprofiles: 'v1alpha2',
  rawselinuxprofiles: 'v1alpha2',
  apparmorprofiles: 'v1alpha1',
  profilerecordings: 'v1alpha1',
  profilebindings: 'v1alpha1',
  securityprofilenodestatuses: 'v1alpha1',
  securityprofilesoperatordaemons: 'v1alpha1',
} as const;

const kubectl = (...args: string[]) => kubectlOf(cluster, args);

async function lists(resource: string): Promise<boolean> {
  return (await cluster.kubectl(['get', resource, '-A'])).code === 0;
}

interface Read {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: Record<string, unknown>;
}

/** The text, too: JavaScript does not read all numbers. */
async function read(plural: keyof typeof VERSIONS, name: string, version: string): Promise<Read & { text: string }> {
  const text = await kubectl('get', `${plural}.${version}.${GROUP}`, name, '-o', 'json');
  return { ...JSON.parse(text), text };
}

const both = async (plural: keyof typeof VERSIONS, name: string) =>
  [await read(plural, name, 'v1'), await read(plural, name, VERSIONS[plural])] as const;

test(
  'manifests from before 1.0 mean what they meant, and are read back as they were written',
  cluster.options,
  async () => {
    await kubectl('apply', '-f', OLD);
    const [seccomp, seccompOld] = await both('seccompprofiles', 'switched-off');
    assert.equal(seccomp.spec.state, 'Disabled');
    assert.deepEqual([seccompOld.spec.disabled, seccompOld.spec.state], [true, undefined]);
    for (const { text } of [seccomp, seccompOld]) assert.match(text, /"value": 9223372036854775807\b/);
    const [plain, plainOld] = await both('seccompprofiles', 'plain');
    assert.deepEqual(plainOld.spec, plain.spec);
    assert.equal(plain.spec.state, 'Enabled');

    const [selinux, selinuxOld] = await both('selinuxprofiles', 'errorlogger');
    assert.deepEqual([selinux.spec.mode, selinux.spec.permissive], ['Permissive', undefined]);
    assert.deepEqual([selinuxOld.spec.permissive, selinuxOld.spec.mode], [true, undefined]);
    const [raw, rawOld] = await both('rawselinuxprofiles', 'raw');
    assert.deepEqual([raw.spec.state, rawOld.spec.disabled], ['Disabled', true]);
    const [apparmor, apparmorOld] = await both('apparmorprofiles', 'complains');
    assert.deepEqual([apparmor.spec.mode, apparmorOld.spec.complainMode], ['Complain', true]);
    const [status] = await both('securityprofilenodestatuses', 'plain-node-1');
    assert.deepEqual(status.spec, { nodeName: 'node-1' });
  },
);

test('recordings and the daemon, too', cluster.options, async () => {
  const [logs, logsOld] = await both('profilerecordings', 'by-logs');
  assert.deepEqual([logs.spec.recorder, logs.spec.mergeStrategy], ['Logs', 'Containers']);
  assert.deepEqual([logsOld.spec.recorder, logsOld.spec.mergeStrategy], ['logs', 'containers']);
  const [apparmor, apparmorOld] = await both('profilerecordings', 'apparmor');
  assert.deepEqual([apparmor.spec.kind, apparmorOld.spec.kind], ['AppArmorProfile', 'ApparmorProfile']);
  const [daemon, daemonOld] = await both('securityprofilesoperatordaemons', 'spod');
  assert.deepEqual(daemon.spec.selinux, {
    enable: true,
    typeTag: 'spc_t',
    options: { allowedSystemProfiles: ['container', 'net_container'] },
  });
  assert.deepEqual(daemon.spec.enricher, { enableLogEnricher: true });
  assert.deepEqual(daemon.spec.webhook, {
    staticConfig: false,
    options: [{ name: 'recording.spo.io', failurePolicy: 'Ignore' }],
  });
  assert.deepEqual(Object.keys(daemon.spec.scheduling as object).sort(), [
    'affinity',
    'priorityClassName',
    'tolerations',
  ]);
  assert.deepEqual(daemon.spec.security, {
    allowedSyscalls: ['exit', 'exit_group'],
    allowedIdentityRegexp: '.*',
    allowedOidcIssuerRegexp: '.*',
  });
  assert.equal(daemonOld.spec.enableSelinux, true);
  assert.deepEqual(
    Object.keys(daemonOld.spec).filter((name) => name in daemon.spec),
    ['hostProcVolumePath', 'verbosity'],
  );
});

test('applied again, nothing of them changes', cluster.options, async () => {
  assert.doesNotMatch(await kubectl('apply', '-f', OLD), /configured|created/);
});

test('what is changed in v1 counts in the old version, and in the old version in v1', cluster.options, async () => {
  await kubectl(
    'patch',
    `seccompprofiles.v1.${GROUP}`,
    'switched-off',
    '--type=merge',
    '-p',
    '{"spec":{"state":"Enabled"}}',
  );
  const enabled = await read('seccompprofiles', 'switched-off', 'v1beta1');
  assert.deepEqual([enabled.spec.state, enabled.spec.disabled], ['Enabled', undefined]);
  const disable = '{"spec":{"disabled":true}}';
  await kubectl('patch', `seccompprofiles.v1beta1.${GROUP}`, 'switched-off', '--type=merge', '-p', disable);
  assert.equal((await read('seccompprofiles', 'switched-off', 'v1')).spec.state, 'Disabled');
});

test('a client of the old version does not lose what it does not know', cluster.options, async () => {
  const podSelector = '{"spec":{"podSelector":{"matchLabels":{"app":"web"}}}}';
  await kubectl('patch', `profilebindings.v1.${GROUP}`, 'binding', '--type=merge', '-p', podSelector);
  const old = await read('profilebindings', 'binding', 'v1alpha1');
  assert.equal(old.spec.podSelector, undefined);
  const { text: _, ...object } = { ...old, spec: { ...old.spec, image: 'nginx:2' } };
  await kubectlOf(cluster, ['replace', '-f', '-'], JSON.stringify(object));
  const { spec, metadata } = await read('profilebindings', 'binding', 'v1');
  assert.deepEqual([spec.image, spec.podSelector], ['nginx:2', { matchLabels: { app: 'web' } }]);
  assert.equal(metadata.annotations?.['spo.x-k8s.io/conversion'], undefined);
});

test('one odd object keeps nobody from listing the others', cluster.options, async () => {
  const crd = `crd/seccompprofiles.${GROUP}`;
  const schema = JSON.parse(await kubectl('get', crd, '-o', 'jsonpath={.spec.versions[0].schema.openAPIV3Schema}'));
  const path = '/spec/versions/0/schema/openAPIV3Schema';
  await replace(cluster, crd, path, { type: 'object', 'x-kubernetes-preserve-unknown-fields': true });
  const annotations = { 'spo.x-k8s.io/conversion': '{"version":"v1beta1","changes":[[["metadata","name"],"x"],5]}' };
  const metadata = { name: 'odd', annotations };
  const odd = { apiVersion: `${GROUP}/v1`, kind: 'SeccompProfile', metadata, spec: ['nothing', { like: 'it' }] };
  await until('it is taken', async () => (await cluster.kubectl(['apply', '-f', '-'], JSON.stringify(odd))).code === 0);
  const listed = await kubectl('get', `seccompprofiles.v1beta1.${GROUP}`, '-o', 'name');
  assert.deepEqual(
    listed
      .trim()
      .split('\n')
      .map((name) => name.split('/')[1]),
    ['odd', 'plain', 'switched-off'],
  );
  await replace(cluster, crd, path, schema);
  await kubectl('delete', `seccompprofiles.v1beta1.${GROUP}`, 'odd');
});

test('definitions applied again leave the conversion as it is told to be', cluster.options, async () => {
  const before = await kubectl('get', 'crd', `profilebindings.${GROUP}`, '-o', 'jsonpath={.spec.conversion}');
  assert.match(before, /caBundle/);
  const { code, stderr } = await cluster.kubectl(['apply', '-k', CRDS, '--dry-run=server']);
  // By url here: in an installation the reference to the Service is the same, and only caBundle is added to it.
  assert.ok(code === 0 || /url.*service|service.*url/s.test(stderr), stderr);
});

test('what was stored in an old version is stored in v1, and the definitions say so', cluster.options, async () => {
  const crd = `crd/seccompprofiles.${GROUP}`;
  const stored = async () => JSON.parse(await kubectl('get', crd, '-o', 'jsonpath={.status.storedVersions}'));
  const versionOf = (name: string) => kubectl('get', 'sp', name, '-o', 'jsonpath={.metadata.resourceVersion}');
  // A write of nothing is one only where the API server would store something else: so it is seen what it stores in.
  const storeIn = async (version: string, ...names: string[]) => {
    const versions: { name: string }[] = JSON.parse(await kubectl('get', crd, '-o', 'jsonpath={.spec.versions}'));
    const patched = versions.map((one) => ({ ...one, storage: one.name === version }));
    await replace(cluster, crd, '/spec/versions', patched);
    for (const name of names) {
      const before = await versionOf(name);
      await until(`${name} is stored anew`, async () => {
        await kubectl('patch', 'sp', name, '--type=merge', '-p', '{}');
        return (await versionOf(name)) !== before;
      });
    }
  };
  await storeIn('v1beta1', 'plain', 'switched-off');
  await storeIn('v1', 'plain');
  assert.deepEqual((await stored()).toSorted(), ['v1', 'v1beta1']);
  const [plain, old] = [await versionOf('plain'), await versionOf('switched-off')];
  const client = new KubeClient(loadConnection({ kubeconfig: cluster.kubeconfig }));
  try {
    const log = { info: () => {}, warn: () => {} };
    assert.deepEqual(await migrateStorage(client, log, AbortSignal.timeout(60_000)), []);
  } finally {
    await client[Symbol.asyncDispose]();
  }
  assert.deepEqual(await stored(), ['v1']);
  assert.equal(await versionOf('plain'), plain, 'it was stored in v1 already');
  assert.notEqual(await versionOf('switched-off'), old);
  assert.equal((await read('seccompprofiles', 'switched-off', 'v1')).spec.state, 'Disabled');
});
