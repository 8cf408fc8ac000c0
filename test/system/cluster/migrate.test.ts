import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { run, SYSCRIBE, scratch, temporary } from '../support/syscribe.ts';
import { definition } from './spo.ts';
import { useCluster } from './use.ts';
import { CRDS, kubectlOf } from './webhooks.ts';

const GROUP = 'security-profiles-operator.x-k8s.io';
const cluster = useCluster(0);
// kubectl remembers by the server's address whose kinds have namespaces: in other clusters here these have none.
const cache = scratch('kubectl-cache');
const kubectl = (args: readonly string[], input?: string) =>
  kubectlOf(cluster, [`--cache-dir=${cache}`, ...args], input);
const apply = (...items: object[]) =>
  kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
const syscribe = (...args: string[]) => run(SYSCRIBE, ...args, '--kubeconfig', cluster.kubeconfig);

const old = (namespace: string, name: string, spec: object) => ({
  apiVersion: `${GROUP}/v1beta1`,
  kind: 'SeccompProfile',
  metadata: { namespace, name },
  spec,
});

test('profiles with namespaces, as SPO 0.8 had them, come over by a file', cluster.options, async (context) => {
  const file = join(temporary(context), 'profiles.yaml');
  await apply(
    definition(GROUP, 'v1beta1', 'seccompprofiles', 'SeccompProfile'),
    definition(GROUP, 'v1alpha1', 'profilebindings', 'ProfileBinding'),
  );
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  for (const name of ['a', 'b']) await kubectl(['create', 'namespace', name]);
  await apply(
    old('a', 'web', { defaultAction: 'SCMP_ACT_LOG', disabled: true }),
    old('b', 'web', { defaultAction: 'SCMP_ACT_ERRNO' }),
    old('a', 'one', { defaultAction: 'SCMP_ACT_ERRNO', baseProfileName: 'web' }),
    {
      apiVersion: `${GROUP}/v1alpha1`,
      kind: 'ProfileBinding',
      metadata: { namespace: 'b', name: 'bound' },
      spec: { image: 'nginx', profileRef: { kind: 'SeccompProfile', name: 'web' } },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'b', name: 'user' },
      spec: {
        automountServiceAccountToken: false,
        securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'operator/b/web.json' } },
        containers: [{ name: 'c', image: 'x' }],
      },
    },
  );
  const refused = await syscribe('adopt');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /profiles have namespaces.*\n.*migrate export/);
  const exported = await syscribe('migrate', 'export', '--out-file', file);
  assert.equal(exported.code, 0, exported.stderr);
  assert.match(exported.stdout, /operator\/b\/web\.json becomes operator\/b-web\.json, for b\/user\n/);
  assert.match(readFileSync(file, 'utf8'), /name: b-web/);
  await kubectl(['delete', 'crd', '--all']);
  rmSync(cache, { recursive: true });
  await kubectl(['apply', '-k', CRDS]);
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  const imported = await syscribe('migrate', 'import', file);
  assert.equal(imported.code, 0, imported.stderr);
  const get = async (...what: string[]) => JSON.parse(await kubectl(['get', ...what, '-o', 'json']));
  assert.deepEqual((await get(`seccompprofiles.v1.${GROUP}`, 'a-web')).spec, {
    defaultAction: 'SCMP_ACT_LOG',
    state: 'Disabled',
  });
  assert.equal((await get(`seccompprofiles.v1.${GROUP}`, 'one')).spec.baseProfileName, 'a-web');
  assert.equal((await get('-n', 'b', `profilebindings.v1.${GROUP}`, 'bound')).spec.profileRef.name, 'b-web');
  assert.match((await syscribe('migrate', 'import', file)).stdout, /SeccompProfile a-web: is there\n/);
  await kubectl(['patch', 'sp', 'b-web', '--type=merge', '-p', '{"spec":{"defaultAction":"SCMP_ACT_LOG"}}']);
  const differs = await syscribe('migrate', 'import', file);
  assert.deepEqual(
    [differs.code, /SeccompProfile b-web: another of that name is there/.test(differs.stdout)],
    [1, true],
  );
  assert.equal((await syscribe('migrate', 'export', '--out-file', file)).code, 1, 'nothing has to be moved any more');
});
