import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { runtimeTail } from '../../../src/profile/seccomp/runtime-tails.ts';
import { size } from '../../support/sizes.ts';
import { until } from '../../support/until.ts';
import { syscribe, temporary } from '../support/syscribe.ts';
import { DIRECTORY } from './cluster.ts';
import { daemon, useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';
import { kill } from './parts.ts';
import type { Profile } from './watched.ts';

const PROFILES = size('PROFILES');
const cluster = useInstalledCluster();
const GROUP = 'security-profiles-operator.x-k8s.io';
const FOLDER = join(DIRECTORY, 'node-1/kubelet/seccomp/operator');
const ALLOW = 'SCMP_ACT_ALLOW';

function profile(name: string, spec: object = {}, annotations: object = {}): object {
  // Refuses what makes directories, and nothing else.
  const refusing = {
    defaultAction: ALLOW,
    syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
    ...spec,
  };
  return { apiVersion: `${GROUP}/v1`, kind: 'SeccompProfile', metadata: { name, annotations }, spec: refusing };
}

const plain = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const fileOf = (name: string) => join(FOLDER, `${name}.json`);
const read = (name: string) => JSON.parse(readFileSync(fileOf(name), 'utf8'));
const under = (localhostProfile: string) => ({
  securityContext: { seccompProfile: { type: 'Localhost', localhostProfile } },
});
const script = (text: string, of = '') =>
  podSpec([{ name: 'c', script: text }], of === '' ? {} : under(`operator/${of}.json`));
const ready = ({ status }: Profile) =>
  status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false;
const installed = (name: string) => cluster.eyes.profiles.until(name, ready);
const ended = async (key: string) => {
  const over = await cluster.eyes.pods.until(key, ({ status }) =>
    ['Succeeded', 'Failed'].includes(status?.phase ?? ''),
  );
  return over.status?.phase;
};
const running = (key: string) =>
  cluster.eyes.pods.until(key, ({ status }) => status?.containerStatuses?.[0]?.ready ?? false);

test('a profile is on the node, Ready, equal to its spec, and enforced', cluster.options, async () => {
  const { eyes, apply, kubectl } = cluster;
  await apply(plain('inst'), profile('web'));
  await kubectl(['wait', '--for=condition=ready', 'sp', 'web', '--timeout=30s']);
  const { spec, status, metadata } = await installed('web');
  assert.deepEqual(read('web'), spec);
  assert.deepEqual([status?.status, status?.localhostProfile], ['Installed', 'operator/web.json']);
  assert.deepEqual(metadata.finalizers, ['spo.x-k8s.io/on-nodes']);
  const told = await eyes.statuses.until('web-node-1', (one) => one.status?.status === 'Installed');
  assert.equal(told.metadata.labels?.['spo.x-k8s.io/profile-state'], 'Installed');
  assert.match(await kubectl(['get', 'sp', 'web']), /web +Installed/);
  await apply(
    pod('inst', 'free', 'x', script('mkdir /tmp/d')),
    pod('inst', 'refused', 'x', script('mkdir /tmp/d', 'web')),
  );
  await apply(pod('inst', 'fine', 'x', script('true', 'web')));
  assert.deepEqual(await Promise.all(['inst/free', 'inst/refused', 'inst/fine'].map(ended)), [
    'Succeeded',
    'Failed',
    'Succeeded',
  ]);
});

test('what nodes tell of in their reports is Ready, used, and gone once nobody uses it', cluster.options, async () => {
  const { apply, kubectl, eyes } = cluster;
  const reported = async (name: string) => {
    const report = JSON.parse(await kubectl(['get', 'spnr', 'node-1', '-o', 'json']));
    return report.status.profiles[`SeccompProfile/${name}`];
  };
  await apply(profile('many', {}, { 'spo.x-k8s.io/node-reports': 'true' }));
  await installed('many');
  assert.match(await kubectl(['get', 'spnr']), /^NAME +PROFILES +ERRORS +AGE\nnode-1 +1 +0 +\d+s\n$/);
  assert.equal((await reported('many')).status, 'Installed');
  await apply(pod('inst', 'user', 'x', script('sleep 3600', 'many')));
  await eyes.profiles.until('many', ({ status }) => status?.pods === 1);
  await kubectl(['delete', 'sp', 'many', '--wait=false']);
  await eyes.profiles.until('many', ({ status }) => status?.status === 'Terminating');
  assert.ok(existsSync(fileOf('many')));
  await kubectl(['-n', 'inst', 'delete', 'pod', 'user', '--grace-period=0', '--force']);
  await eyes.profiles.gone('many');
  assert.ok(!existsSync(fileOf('many')));
  assert.equal(await reported('many'), undefined);
  assert.equal(eyes.statuses.get('many-node-1'), undefined);
});

test('a base is added, a change follows at once, of the base too', cluster.options, async () => {
  const { apply, eyes } = cluster;
  const names = () => read('top').syscalls.flatMap((rule: { names: string[] }) => rule.names);
  await apply(profile('top', { baseProfileName: 'base', syscalls: [{ names: ['ptrace'], action: 'SCMP_ACT_ERRNO' }] }));
  await eyes.profiles.until('top', ({ status }) => status?.status === 'Error');
  await apply(profile('base'));
  await installed('top');
  assert.deepEqual(names(), ['mkdir', 'mkdirat', 'ptrace']);
  await apply(pod('inst', 'based', 'x', script('mkdir /tmp/d', 'top')));
  assert.equal(await ended('inst/based'), 'Failed');
  await apply(profile('base', { syscalls: [{ names: ['symlink'], action: 'SCMP_ACT_ERRNO' }] }));
  await until('the base’s change is on the node', () => names().includes('symlink'));
  assert.deepEqual(names(), ['ptrace', 'symlink']);
});

test(
  'a program runs under its own calls on the base of its runtime’s, and not without',
  cluster.options,
  async (context) => {
    const { apply } = cluster;
    const file = join(temporary(context), 'hello.yaml');
    const command = ['/bin/busybox', 'echo', 'hello'];
    await syscribe(['record', '--runtime', 'none', '-o', file, '--', ...command]);
    const { spec } = parse(readFileSync(file, 'utf8')) as Profile;
    await apply(
      profile('runc', { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: runtimeTail('runc'), action: ALLOW }] }),
      profile('hello', { ...spec, baseProfileName: 'runc' }),
      profile('bare', spec),
    );
    await Promise.all(['hello', 'bare'].map(installed));
    const run = (name: string) =>
      pod('inst', name, 'x', podSpec([{ name: 'c', command }], under(`operator/${name}.json`)));
    await apply(run('hello'), run('bare'));
    assert.deepEqual(await Promise.all(['inst/hello', 'inst/bare'].map(ended)), ['Succeeded', 'Failed']);
  },
);

test('what somebody edits by hand is put right, what is disabled is taken away', cluster.options, async () => {
  const { apply, kubectl, eyes } = cluster;
  await apply(profile('edited'));
  const { spec } = await installed('edited');
  writeFileSync(fileOf('edited'), '{"defaultAction":"SCMP_ACT_ALLOW"}');
  await until('the file is put right', () => JSON.stringify(read('edited')) === JSON.stringify(spec));
  await kubectl(['patch', 'sp', 'edited', '--type=merge', '-p', '{"spec":{"state":"Disabled"}}']);
  await kubectl(['wait', '--for=condition=ready=false', 'sp', 'edited', '--timeout=30s']);
  await eyes.profiles.until('edited', ({ status }) => status?.status === 'Disabled');
  assert.ok(!existsSync(fileOf('edited')));
  await kubectl(['patch', 'sp', 'edited', '--type=merge', '-p', '{"spec":{"state":"Enabled"}}']);
  await installed('edited');
  assert.deepEqual(read('edited'), spec);
});

test('what the administrator does not allow gets no node status', cluster.options, async (context) => {
  const { apply, kubectl, eyes } = cluster;
  context.after(() => cluster.resetDaemon());
  const allowing = (name: string, call: string) =>
    profile(name, { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: [call], action: ALLOW }] });
  await apply(daemon({ security: { allowedSyscalls: ['read'] } }));
  await apply(allowing('denied', 'ptrace'), allowing('allowed', 'read'));
  await installed('allowed');
  const told = () => kubectl(['get', 'events', '--field-selector=reason=ProfileNotAllowed', '-o', 'name']);
  await until('an event ProfileNotAllowed', async () => (await told()) !== '');
  const { status } = await eyes.profiles.until('denied', (one) => one.status?.status === 'Error');
  const said = status?.conditions?.find(({ type }) => type === 'Ready')?.message;
  assert.equal(said, 'syscall not allowed: ptrace');
  assert.equal(eyes.statuses.get('denied-node-1'), undefined);
  assert.ok(!existsSync(fileOf('denied')));
  await apply(daemon());
  await installed('denied');
});

test('deleted while pods use it, it is Terminating until the last is gone', cluster.options, async () => {
  const { apply, kubectl, eyes, remove } = cluster;
  await apply(profile('used'));
  await installed('used');
  await apply(pod('inst', 'user', 'x', script('exec sleep 1000', 'used')));
  await running('inst/user');
  const used = await eyes.profiles.until('used', ({ status }) => status?.pods === 1);
  assert.deepEqual(used.status?.activeWorkloads, ['inst/user']);
  await kubectl(['delete', 'sp', 'used', '--wait=false']);
  const ending = await eyes.profiles.until('used', ({ status }) => status?.status === 'Terminating');
  assert.equal(ending.status?.conditions?.find(({ type }) => type === 'Ready')?.reason, 'Deleting');
  await eyes.statuses.until('used-node-1', ({ status }) => status?.status === 'Terminating');
  assert.ok(existsSync(fileOf('used')));
  await remove('-n', 'inst', 'pod', 'user');
  await eyes.profiles.gone('used');
  assert.ok(!existsSync(fileOf('used')));
  await eyes.statuses.gone('used-node-1');
});

test('a node that is gone holds nothing', cluster.options, async () => {
  const { apply, kubectl, eyes } = cluster;
  await apply(profile('haunted'));
  const { metadata } = await installed('haunted');
  const owner = { apiVersion: `${GROUP}/v1`, kind: 'SeccompProfile', name: 'haunted', uid: metadata.uid };
  const told = { apiVersion: `${GROUP}/v1`, kind: 'SecurityProfileNodeStatus', spec: { nodeName: 'fake-node' } };
  await kubectl([
    'patch',
    'sp',
    'haunted',
    '--type=merge',
    '-p',
    '{"metadata":{"finalizers":["spo.x-k8s.io/on-nodes","fake-node-deleted"]}}',
  ]);
  await apply({ ...told, metadata: { name: 'haunted-fake-node', ownerReferences: [{ ...owner, controller: true }] } });
  await eyes.statuses.gone('haunted-fake-node');
  await kubectl(['delete', 'sp', 'haunted', '--timeout=30s']);
});

test('long names are taken; names and references that lead elsewhere are refused', cluster.options, async () => {
  const { apply, kubectl } = cluster;
  const long = `long-${'x'.repeat(200)}`;
  await apply(profile(long));
  await installed(long);
  assert.ok(existsSync(fileOf(long)));
  await kubectl(['delete', 'sp', long, '--timeout=30s']);
  assert.ok(!existsSync(fileOf(long)));
  for (const name of ['../../x', 'a/b', '..', '.x'])
    await assert.rejects(apply(profile(name)), /[Ii]nvalid|may not|must not|cannot|not found/, name);
});

test(
  'a recorded profile is installed, a second pod runs under it, and a binding gives it to others',
  cluster.options,
  async () => {
    const { apply, eyes, remove } = cluster;
    const labels = { 'spo.x-k8s.io/enable-recording': 'true', 'spo.x-k8s.io/enable-binding': 'true' };
    await apply({ ...namespace('full'), metadata: { name: 'full', labels } }, recording('full', 'app'));
    const body = 'ln -s x /tmp/l; sleep 1';
    await apply(pod('full', 'first', 'app', script(body)));
    await ended('full/first');
    const { status } = await installed('app-c');
    await apply(
      pod('full', 'second', 'other', podSpec([{ name: 'c', script: body }], under(status?.localhostProfile ?? ''))),
    );
    assert.equal(await ended('full/second'), 'Succeeded');
    const bound = {
      apiVersion: `${GROUP}/v1`,
      kind: 'ProfileBinding',
      metadata: { namespace: 'full', name: 'bound' },
      spec: { image: 'syscribe.test/busybox:1', profileRef: { kind: 'SeccompProfile', name: 'web' } },
    };
    await apply(bound);
    await apply(pod('full', 'given', 'other', script('exec sleep 1000')));
    const given = await running('full/given');
    const { containers } = given.spec as unknown as { containers: { securityContext: object }[] };
    assert.deepEqual(containers[0]?.securityContext, under('operator/web.json').securityContext);
    const told = await eyes.bindings.until('full/bound', (one) => (one.status?.pods ?? 0) === 1);
    assert.deepEqual(told.status?.activeWorkloads, ['full/given']);
    assert.deepEqual(told.metadata.finalizers, ['active-workload-lock']);
    await remove('-n', 'full', 'pod', 'given');
    await eyes.bindings.until(
      'full/bound',
      ({ metadata, status }) => !metadata.finalizers && status?.pods === undefined,
    );
  },
);

test(
  `${PROFILES} at once, and an agent that is killed meanwhile never leaves half a file`,
  cluster.options,
  async () => {
    const { apply, kubectl, eyes } = cluster;
    const many = Array.from({ length: PROFILES }, (_, index) => {
      const one = profile(`many-${index}`) as { metadata: object };
      return { ...one, metadata: { ...one.metadata, labels: { many: 'yes' } } };
    });
    const applied = apply(...many);
    const isMany = ({ metadata }: Profile) => metadata.name.startsWith('many-');
    const whole = () => {
      for (const name of readdirSync(FOLDER))
        if (name.startsWith('many-')) JSON.parse(readFileSync(join(FOLDER, name), 'utf8'));
    };
    await eyes.profiles.all((all) => all.filter(isMany).length > 50);
    assert.ok(kill('agent') > 0);
    whole();
    await applied;
    const done = await eyes.profiles.all((all) => all.filter((one) => isMany(one) && ready(one)).length === PROFILES);
    for (const { metadata, spec } of done.filter(isMany)) assert.deepEqual(read(metadata.name), spec);
    assert.deepEqual(
      readdirSync(FOLDER).filter((name) => name.startsWith('.')),
      [],
    );
    await kubectl(['delete', 'sp', '-l', 'many', '--wait=false']);
    await eyes.profiles.all((all) => !all.some(isMany));
    assert.deepEqual(
      readdirSync(FOLDER).filter((name) => name.startsWith('many-')),
      [],
    );
  },
);
