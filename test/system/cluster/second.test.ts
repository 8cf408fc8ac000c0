import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CONFIGURATIONS, webhookConfiguration } from '../../../src/operator/daemon/webhooks.ts';
import type { WebhookServer } from '../../../src/webhook/server.ts';
import { until } from '../../support/until.ts';
import { run, SYSCRIBE, temporary } from '../support/syscribe.ts';
import { serveConversion } from './by-service.ts';
import { writeTokenKubeconfig } from './control-plane.ts';
import { NAMESPACE } from './installed.ts';
import { useCluster } from './use.ts';
import { GROUP, kubectlOf } from './webhooks.ts';

const DEPLOY = fileURLToPath(new URL('../../../deploy/', import.meta.url));
const PLUGIN = fileURLToPath(new URL('../../../bin/kubectl-syscribe', import.meta.url));
const OTHER = 'spo2';
/** What an installation shares with nobody, by the name that a refusal has. */
const BINDINGS = ['security-profiles-operator', 'spod', 'spo-webhook'];
const CONVERTED = [
  'apparmorprofiles',
  'profilebindings',
  'profilerecordings',
  'rawselinuxprofiles',
  'seccompprofiles',
  'securityprofilenodestatuses',
  'securityprofilesoperatordaemons',
  'selinuxprofiles',
].map((plural) => `${plural}.${GROUP}`);
const WIDE =
  'crd,clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding,mutatingwebhookconfiguration';

let conversion: WebhookServer | undefined;
const second = mkdtempSync(join(tmpdir(), 'syscribe-second-'));
const cluster = useCluster(0, async () => {
  await kubectl('apply', '-k', DEPLOY);
  await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
  await send(['apply', '-f', '-'], configuration(NAMESPACE));
  conversion = await serveConversion(cluster);
  await send(['apply', '-f', '-'], profile('web'));
  await send(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'Namespace', metadata: { name: OTHER } });
  writeFileSync(
    join(second, 'kustomization.yaml'),
    JSON.stringify({ resources: [relative(second, DEPLOY)], namespace: OTHER }),
  );
  await until('older versions are converted', async () => (await converted()) !== undefined);
  // An API server obeys policies some time after their creation.
  await until(
    'the policy refuses',
    async () => (await tried(['create', '--dry-run=server', '-f', '-'], agents(OTHER))).code !== 0,
  );
});
after(async () => {
  rmSync(second, { recursive: true });
  await conversion?.[Symbol.asyncDispose]();
});

const kubectl = (...args: string[]) => kubectlOf(cluster, args);
const send = (args: readonly string[], object: object) => kubectlOf(cluster, args, JSON.stringify(object));
const tried = (args: readonly string[], object: object) => cluster.kubectl(args, JSON.stringify(object));

function profile(name: string): object {
  const spec = { defaultAction: 'SCMP_ACT_ALLOW' };
  return { apiVersion: `${GROUP}/v1`, kind: 'SeccompProfile', metadata: { name }, spec };
}

/** As the operator of that namespace writes it. */
function configuration(namespace: string): object {
  const { apiVersion, kind } = { apiVersion: 'admissionregistration.k8s.io/v1', kind: CONFIGURATIONS.kind };
  return { apiVersion, kind, ...webhookConfiguration({}, namespace) };
}

function binding(name: string, namespace = OTHER): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name, labels: { app: 'security-profiles-operator' } },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  };
}

function agents(namespace: string): object {
  const labels = { app: 'security-profiles-operator' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'agent', image: 'none' }] } };
  const spec = { selector: { matchLabels: labels }, template };
  return { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'spod', namespace, labels }, spec };
}

/** The profile in its older version; undefined where it cannot be had. */
async function converted(): Promise<string | undefined> {
  const { code, stdout } = await cluster.kubectl(['get', `seccompprofiles.v1beta1.${GROUP}`, 'web', '-o', 'name']);
  return code === 0 ? stdout : undefined;
}

interface Shared {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly uid: string; readonly labels?: object };
  readonly [field: string]: unknown;
}

/** All that the cluster has of the installation, but what the API server counts and tells. */
async function shared(): Promise<Shared[]> {
  const { items } = JSON.parse(await kubectl('get', WIDE, '-o', 'json')) as { items: Shared[] };
  return items
    .filter(({ metadata: { name } }) => /spo\.io$|^spo-|^spod$|security-profiles/.test(name))
    .map(
      ({ status: _, metadata: { name, uid, labels }, ...rest }) =>
        ({ ...rest, metadata: { name, uid, labels } }) as Shared,
    );
}

async function assertTheFirstWorks(): Promise<void> {
  for (const [account, verb, what] of [
    ['spod', 'create', `securityprofilenodestatuses.${GROUP}`],
    ['security-profiles-operator', 'patch', `seccompprofiles.${GROUP}/status`],
    ['spo-webhook', 'list', `profilebindings.${GROUP}`],
  ] as const) {
    const may = (namespace: string) =>
      cluster.kubectl(['auth', 'can-i', verb, what, `--as=system:serviceaccount:${namespace}:${account}`, '-A']);
    assert.equal((await may(NAMESPACE)).stdout, 'yes\n', account);
    assert.equal((await may(OTHER)).stdout, 'no\n', `${account} of the second`);
  }
  assert.notEqual(await converted(), undefined, 'v1beta1 is served');
}

for (const [how, ...options] of [
  ['kubectl apply'],
  ['server-side apply', '--server-side', '--force-conflicts'],
] as const)
  test(`a second installation takes nothing from the first (${how})`, cluster.options, async () => {
    const before = await shared();
    await assertTheFirstWorks();
    const { code, stderr } = await cluster.kubectl(['apply', ...options, '-k', second]);
    assert.equal(code, 1);
    const lines = stderr.split('\n').filter((line) => line.includes('denied request'));
    const deployments = ['security-profiles-operator', 'security-profiles-operator-webhook'];
    for (const name of [...BINDINGS, ...CONVERTED, ...deployments]) {
      const line = lines.find((one) => one.includes(`and ${name} would belong to another, in ${OTHER}.`)) ?? stderr;
      assert.match(line, /in the namespace security-profiles-operator.*syscribe uninstall/);
    }
    assert.deepEqual(await shared(), before);
    await assertTheFirstWorks();
    assert.equal(await kubectl('-n', OTHER, 'get', 'deployments', '-o', 'name'), '');
  });

test(
  'the webhooks’ configuration, and a binding that the first does not have, are not made for a second',
  cluster.options,
  async () => {
    for (const object of [configuration(OTHER), binding('spo-startup-taint')]) {
      const { code, stderr } = await tried(['apply', '-f', '-'], object);
      assert.equal(code, 1);
      assert.match(stderr, /would belong to another, in spo2/);
    }
  },
);

test(
  'the first may be applied again, and given to further accounts; others’ objects are nobody’s business here',
  cluster.options,
  async () => {
    const subjects = [NAMESPACE, 'monitoring'].map((namespace) => ({
      kind: 'ServiceAccount',
      name: 'spod',
      namespace,
    }));
    await kubectl('patch', 'clusterrolebinding', 'spod', '--type=merge', '-p', JSON.stringify({ subjects }));
    // The first time takes back this, and what kubectl noted about the second's manifests.
    await kubectl('apply', '-k', DEPLOY);
    const said = await kubectl('apply', '-k', DEPLOY);
    for (const policy of ['one-installation', 'uninstall-first'])
      assert.match(said, new RegExp(`validatingadmissionpolicy\\S+/${policy}.spo.io unchanged`));
    await send(['apply', '-f', '-'], binding('another'));
    await kubectl('delete', 'clusterrolebinding', 'another');
  },
);

test(
  'doctor shows what a second installation has taken, as far as the viewer may ask',
  cluster.options,
  async (context) => {
    const shown = async (kubeconfig: string) => {
      const { code, stdout } = await run(PLUGIN, 'doctor', '-o', 'json', '--kubeconfig', kubeconfig);
      const checks = JSON.parse(stdout) as { name: string; state: string; text: string; remedy?: string }[];
      return { code, of: (name: string) => checks.find((check) => check.name === name) };
    };
    const names = ['rights of the agents', 'rights of the operator', 'rights of the webhook'];
    names.push('conversion', 'policies', 'installations');
    const well = await shown(cluster.kubeconfig);
    for (const name of names) assert.equal(well.of(name)?.state, 'ok', `${name}: ${well.of(name)?.text}`);

    for (const policy of ['one-installation.spo.io', 'uninstall-first.spo.io'])
      await kubectl('delete', 'validatingadmissionpolicybinding', policy);
    await until(
      'the policy is not in force',
      async () => (await tried(['apply', '-f', '-'], binding('spod'))).code === 0,
    );
    await send(['apply', '-f', '-'], configuration(OTHER));
    // With the policies, which come last.
    await cluster.kubectl(['apply', '-k', second]);
    await kubectl('delete', 'validatingadmissionpolicybinding', 'agents.spo.io');
    await until('older versions are not converted', async () => (await converted()) === undefined);
    const ill = await shown(cluster.kubeconfig);
    assert.equal(ill.code, 1);
    for (const [name, text, remedy] of [
      ['rights of the agents', /spod may not: .*watch pods.*create seccompprofiles/, /kubectl apply -k deploy/],
      ['rights of the operator', /may not: .*patch seccompprofiles\/status/, /kubectl apply -k deploy/],
      ['rights of the webhook', /spo-webhook may not: .*watch profilebindings/, /kubectl apply -k deploy/],
      [
        'conversion',
        /seccompprofiles are converted by the namespace spo2.*conversion webhook.*failed/,
        /kubectl apply/,
      ],
      ['policies', /not in force: agents\.spo\.io/, /kubectl apply -k deploy/],
      ['binding.spo.io', /the webhook of the namespace spo2/, /kubectl delete mutatingwebhookconfiguration/],
      ['installations', /in spo2: a cluster can have one, in security-profiles-operator/, /kubectl -n spo2 delete/],
    ] as const) {
      assert.equal(ill.of(name)?.state, 'wrong', name);
      assert.match(ill.of(name)?.text ?? '', text);
      assert.match(ill.of(name)?.remedy ?? '', remedy);
    }

    await kubectl('create', 'serviceaccount', 'viewer');
    await kubectl('create', 'clusterrolebinding', 'viewer', '--clusterrole=view', '--serviceaccount=default:viewer');
    const file = join(temporary(context), 'kubeconfig');
    const token = (await kubectl('create', 'token', 'viewer')).trim();
    writeTokenKubeconfig(file, cluster.kubeconfig, token);
    const viewed = await shown(file);
    for (const name of ['rights', 'definitions', 'conversion', 'policies'])
      assert.equal(viewed.of(name)?.state, 'unknown', name);

    // As doctor says.
    await kubectl('-n', OTHER, 'delete', 'deployments', '-l', 'app=security-profiles-operator');
    await kubectl('apply', '-k', DEPLOY);
    await send(['apply', '-f', '-'], configuration(NAMESPACE));
    await until('older versions are converted', async () => (await converted()) !== undefined);
    const again = await shown(cluster.kubeconfig);
    for (const name of names) assert.equal(again.of(name)?.state, 'ok', `${name}: ${again.of(name)?.text}`);
  },
);

test(
  'who deletes the second installation’s manifests deletes no profile, definition or right of the first',
  cluster.options,
  async () => {
    const protectedOnes = async () =>
      (await shared()).filter(
        ({ kind, metadata }) => !kind.includes('Policy') && metadata.name !== 'spo-metrics-client',
      );
    const before = await protectedOnes();
    const { code, stderr } = await cluster.kubectl(['delete', '-k', second, '--wait=false']);
    assert.equal(code, 1);
    for (const name of [...BINDINGS, ...CONVERTED])
      assert.match(
        stderr,
        new RegExp(`installation in the namespace ${NAMESPACE} needs ${name}[, .].*syscribe uninstall`),
      );
    assert.deepEqual(await protectedOnes(), before);
    await assertTheFirstWorks();
    // Policies cannot be protected.
    await kubectl('apply', '-k', DEPLOY);
  },
);

test(
  'what belongs to another namespace already may be changed, and taken over; after an uninstall nothing is refused',
  cluster.options,
  async () => {
    const { code, stderr } = await run(
      SYSCRIBE,
      'uninstall',
      '--force',
      '--kubeconfig',
      cluster.kubeconfig,
      '--timeout=30s',
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual(await shared(), []);
    // As SPO has been installed elsewhere; the API server obeys a policy some time longer than there is one.
    await until(
      'the policy is not in force',
      async () => (await tried(['apply', '-f', '-'], binding('spod'))).code === 0,
    );
    await send(['apply', '-f', '-'], configuration(OTHER));
    await kubectl('apply', '-f', join(DEPLOY, 'base/one-installation.yaml'));
    await until(
      'the policy refuses again',
      async () => (await tried(['create', '--dry-run=server', '-f', '-'], binding('spo-webhook'))).code !== 0,
    );
    await kubectl('annotate', 'clusterrolebinding', 'spod', 'mine=yes');
    await kubectl('annotate', 'mutatingwebhookconfiguration', 'spo-mutating-webhook-configuration', 'mine=yes');
    await send(['apply', '-f', '-'], binding('spod', NAMESPACE));
    assert.match((await tried(['apply', '-f', '-'], binding('spod'))).stderr, /would belong to another/);
  },
);
