import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FINALIZERS } from '../../../src/api/names.ts';
import { until } from '../../support/until.ts';
import { useCluster } from './use.ts';
import { askInV1beta1, breakWebhook, GROUP, installWebhooks, kubectlOf, type Webhooks } from './webhooks.ts';

let webhooks: Webhooks | undefined;
const cluster = useCluster(0, async () => {
  webhooks = await installWebhooks(cluster);
  for (const name of ['recorded', 'plain']) await kubectl('create', 'namespace', name);
  await kubectl('label', 'namespace', 'recorded', 'spo.x-k8s.io/enable-recording=');
  for (const name of ['recorded', 'plain'])
    await until(`the service account of ${name}`, () => succeeds('get', 'serviceaccount', 'default', '-n', name));
  for (const [name, spec] of Object.entries(RECORDINGS)) await apply(recording(name, spec));
  await until(
    'pods are recorded',
    async () => (await made(pod('probe', 'bpf'), '--dry-run=server')).metadata.annotations !== undefined,
  );
  await until(
    'wrong recordings are refused',
    async () => !(await succeedsWith(recording('probe', WRONG_PAIR), '--dry-run=server')),
  );
});
after(() => webhooks?.server[Symbol.asyncDispose]());

const select = (app: string) => ({ podSelector: { matchLabels: { app } } });
const RECORDINGS = {
  bpf: { kind: 'SeccompProfile', recorder: 'Bpf', ...select('bpf') },
  logs: { kind: 'SeccompProfile', recorder: 'Logs', ...select('logs') },
  // Nothing records it.
  selinux: { kind: 'SelinuxProfile', recorder: 'Logs', ...select('selinux') },
  term: {
    kind: 'SeccompProfile',
    recorder: 'Logs',
    podSelector: {
      matchExpressions: [
        { key: 'app', operator: 'In', values: ['term', 'other'] },
        { key: 'no', operator: 'DoesNotExist' },
        { key: 'not', operator: 'NotIn', values: ['x'] },
        { key: 'yes', operator: 'Exists' },
      ],
    },
  },
};
const WRONG_PAIR = { kind: 'SelinuxProfile', recorder: 'Bpf', ...select('x') };

const kubectl = (...args: string[]) => kubectlOf(cluster, args);
const apply = (object: object) => kubectlOf(cluster, ['apply', '-f', '-'], JSON.stringify(object));
const succeeds = async (...args: string[]) => (await cluster.kubectl(args)).code === 0;
const create = (object: object, ...args: string[]) =>
  cluster.kubectl(['create', '-o', 'json', '-f', '-', ...args], JSON.stringify(object));
const succeedsWith = async (object: object, ...args: string[]) => (await create(object, ...args)).code === 0;

function recording(name: string, spec: object, version = 'v1') {
  return {
    apiVersion: `${GROUP}/${version}`,
    kind: 'ProfileRecording',
    metadata: { name, namespace: 'recorded' },
    spec,
  };
}

interface Made {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly containers: readonly { readonly securityContext?: object }[] };
}

function pod(name: string, app: string, spec: object = {}, labels: object = {}, namespace = 'recorded') {
  const metadata = { name, namespace, labels: { app, ...labels } };
  const containers = [{ name: 'web', image: 'syscribe.test/busybox:1' }];
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers, ...spec } };
}

async function made(object: object, ...args: string[]): Promise<Made> {
  const { code, stdout, stderr } = await create(object, ...args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

test('pods are made with their session, and from the log with the profile that logs', cluster.options, async () => {
  const bpf = await made(pod('bpf', 'bpf'));
  assert.match(bpf.metadata.annotations?.['io.containers.trace-bpf/web'] ?? '', /^bpf_web_[a-z0-9]{5}_\d+$/);
  assert.deepEqual(bpf.spec.containers[0]?.securityContext, undefined);
  const logs = await made(pod('logs', 'logs'));
  assert.match(logs.metadata.annotations?.['io.containers.trace-logs/web'] ?? '', /^logs_web_/);
  assert.deepEqual(logs.spec.containers[0]?.securityContext, {
    seccompProfile: { type: 'Localhost', localhostProfile: 'operator/log-enricher-trace.json' },
  });
});

test('a kind that nothing records leaves pods as they are, and who makes them is told', cluster.options, async () => {
  const { code, stdout, stderr } = await create(pod('selinux', 'selinux'));
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /Warning: recording selinux: SelinuxProfiles are not recorded by this version: pod selinux stays/,
  );
  assert.deepEqual((JSON.parse(stdout) as Made).spec.containers[0]?.securityContext, undefined);
  assert.ok(webhooks?.told.includes('selinux KindNotBuilt'));
});

test('what nobody records, or where nobody may, is left as it is', cluster.options, async () => {
  for (const object of [pod('free', 'free'), pod('elsewhere', 'logs', {}, {}, 'plain')])
    assert.equal((await made(object)).metadata.annotations, undefined);
});

test('changing, deleting and dry runs need no webhook', cluster.options, async () => {
  const first = await made(pod('again', 'logs'));
  await kubectl('annotate', 'pod', 'again', '-n', 'recorded', 'some=change');
  const now: Made = JSON.parse(await kubectl('get', 'pod', 'again', '-n', 'recorded', '-o', 'json'));
  assert.deepEqual(now.metadata.annotations, { ...first.metadata.annotations, some: 'change' });
  await kubectl('delete', 'pod', 'again', '-n', 'recorded', '--now');
  const before = webhooks?.told.length;
  const strict = { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } };
  const { stderr } = await create(pod('dry', 'logs', strict), '--dry-run=server');
  assert.match(stderr, /Warning: recording logs: container web of pod dry: its seccomp profile RuntimeDefault/);
  assert.equal(webhooks?.told.length, before);
  await made(pod('strict', 'logs', strict));
  assert.equal(webhooks?.told.at(-1), 'logs StricterProfileKept');
});

test('a session that a pod brings along is not taken', cluster.options, async () => {
  const object = pod('forged', 'bpf');
  const annotations = { 'io.containers.trace-logs/web': 'logs_web_aaaaa_1', 'io.containers.trace-bpf/web': 'x' };
  const { metadata } = await made({ ...object, metadata: { ...object.metadata, annotations } });
  assert.deepEqual(Object.keys(metadata.annotations ?? {}), ['io.containers.trace-bpf/web']);
  assert.match(metadata.annotations?.['io.containers.trace-bpf/web'] ?? '', /^bpf_web_/);
});

test('an API server that asks in v1beta1 is answered', cluster.options, async () => {
  await askInV1beta1(cluster);
  await until('it asks in v1beta1', async () => {
    await create(pod('probe', 'bpf'), '--dry-run=server');
    return webhooks?.asked.at(-1) === 'admission.k8s.io/v1beta1';
  });
  const { metadata } = await made(pod('beta', 'bpf'));
  assert.ok(metadata.annotations?.['io.containers.trace-bpf/web']);
});

const REFUSED: readonly (readonly [string, object, RegExp])[] = [
  ['pair', WRONG_PAIR, /a SelinuxProfile is recorded from the audit log only: use Logs/],
  ['pair', { ...WRONG_PAIR, kind: 'AppArmorProfile', recorder: 'Logs' }, /an AppArmorProfile is recorded by eBPF only/],
  ['with.dots', RECORDINGS.bpf, /metadata\.name: at most 63 small letters/],
  ['a'.repeat(64), RECORDINGS.bpf, /metadata\.name: at most 63/],
  ['x', { ...RECORDINGS.bpf, containers: ['no_such'] }, /spec\.containers: no container/],
  [
    'x',
    { ...RECORDINGS.bpf, podSelector: { matchExpressions: [{ key: 'a', operator: 'Near' }] } },
    /operator is In, NotIn/,
  ],
  ['x', { ...RECORDINGS.bpf, podSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }, /need values/],
];

test('what cannot be recorded is refused with its reason, in old versions too', cluster.options, async () => {
  for (const [name, spec, message] of REFUSED) {
    const { code, stderr } = await create(recording(name, spec));
    assert.equal(code, 1, name);
    assert.match(stderr, message);
  }
  const old = recording('old', { ...WRONG_PAIR, recorder: 'bpf' }, 'v1alpha1');
  await until('the old version is refused', async () => /use Logs/.test((await create(old)).stderr));
});

test('what is not built is taken, in old versions too, and whoever writes it is told', cluster.options, async () => {
  const written = (kind: string, version: string, spec: object) => ({
    apiVersion: `${GROUP}/${version}`,
    kind,
    metadata: { name: 'kept' },
    spec,
  });
  const profiles = [
    written('AppArmorProfile', 'v1alpha1', { complainMode: true, abstract: {} }),
    written('SelinuxProfile', 'v1alpha2', { inherit: [{ name: 'container' }] }),
    written('RawSelinuxProfile', 'v1', { policy: '(blockinherit container)' }),
  ];
  // The API server takes a policy over some time behind its creation.
  await until('the policy warns', async () =>
    /not-built/.test((await create(profiles[0] as object, '--dry-run=server')).stderr),
  );
  for (const object of profiles) {
    const { code, stderr } = await create(object);
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`^Warning: .*${object.kind}s are kept, but not installed by this version`, 'm'));
  }
  const selinux = await create(recording('selinux-too', { ...WRONG_PAIR, recorder: 'Logs' }));
  assert.match(selinux.stderr, /^Warning: .*nothing is recorded for it by this version/m);
  for (const kind of ['AppArmorProfile', 'SelinuxProfile', 'SeccompProfile'])
    for (const version of ['v1', 'v1alpha1']) {
      const spec = { image: '*', profileRef: { kind, name: 'kept' } };
      const name = `${kind.toLowerCase()}-${version}`;
      const bound = await create({ ...written('ProfileBinding', version, spec), metadata: { name } });
      const warning = new RegExp(`^Warning: .*${kind}s are not installed by this version: no pod is bound by it`, 'm');
      assert.equal(bound.code, 0, bound.stderr);
      if (kind === 'SeccompProfile') assert.equal(bound.stderr, '');
      else assert.match(bound.stderr, warning);
    }
  const seccomp = await create(recording('seccomp', RECORDINGS.bpf));
  assert.deepEqual([selinux.code, seccomp.code, seccomp.stderr], [0, 0, '']);
});

test(
  'what was stored before there were rules can be finished and deleted, but not changed for the worse',
  cluster.options,
  async () => {
    const binding = 'validatingadmissionpolicybinding/profile-recordings.spo.io';
    const policy = await kubectl('get', binding, '-o', 'json');
    await kubectl('delete', binding);
    const bad = {
      ...recording('bad', WRONG_PAIR),
      metadata: { name: 'bad', namespace: 'recorded', finalizers: [FINALIZERS.unmergedProfiles] },
    };
    await until('nothing refuses it', async () => succeedsWith(bad));
    const { metadata, ...rest } = JSON.parse(policy);
    await apply({ ...rest, metadata: { name: metadata.name } });
    await until(
      'wrong recordings are refused',
      async () => !(await succeedsWith(recording('probe', WRONG_PAIR), '--dry-run=server')),
    );
    await kubectl('label', 'profilerecording', 'bad', '-n', 'recorded', 'a=b');
    const worse = await cluster.kubectl([
      'patch',
      'profilerecording',
      'bad',
      '-n',
      'recorded',
      '--type=merge',
      '-p',
      '{"spec":{"containers":["a"]}}',
    ]);
    assert.match(worse.stderr, /use Logs/);
    await kubectl('delete', 'profilerecording', 'bad', '-n', 'recorded', '--wait=false');
    await kubectl(
      'patch',
      'profilerecording',
      'bad',
      '-n',
      'recorded',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":null}}',
    );
    await until('it is deleted', async () => !(await succeeds('get', 'profilerecording', 'bad', '-n', 'recorded')));
  },
);

test(
  'with the webhook dead pods are made, but for those that would go unrecorded unseen',
  cluster.options,
  async () => {
    await breakWebhook(cluster);
    await until(
      'pods recorded by Logs are refused',
      async () => !(await succeedsWith(pod('probe', 'logs'), '--dry-run=server')),
    );
    for (const [name, app, labels] of [
      ['dead-bpf', 'bpf', {}],
      ['dead-free', 'free', {}],
      ['dead-selinux', 'selinux', {}],
      ['dead-term-1', 'term', {}],
      ['dead-term-2', 'term', { yes: '', no: '' }],
      ['dead-term-3', 'term', { yes: '', not: 'x' }],
      ['dead-term-4', 'free', { yes: '' }],
    ] as const)
      await made(pod(name, app, {}, labels));
    const refused = await create(pod('dead-logs', 'logs'));
    assert.match(refused.stderr, /ProfileRecording logs records this pod from the audit log, but the webhook/);
    assert.match((await create(pod('dead-term', 'other', {}, { yes: '', not: 'y' }))).stderr, /ProfileRecording term/);
    await made(pod('dead-windows', 'logs', { os: { name: 'windows' } }));
    await kubectl('delete', 'profilerecording', 'logs', '-n', 'recorded');
    await until('they are taken again', () => succeedsWith(pod('dead-logs', 'logs')));
  },
);
