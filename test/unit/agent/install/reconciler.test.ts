import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PODS } from '../../../../src/kube/object.ts';
import { DAEMONS, limits, node, PROFILES, profile, STATUSES, user } from './support.ts';

const released = {
  conditions: [{ type: 'InUse', status: 'False', reason: 'NoPods', message: '', lastTransitionTime: '' }],
};
const AGO = '2026-01-01T00:00:00Z';

test('a profile becomes a file that is its spec, a node status and an event', async (context) => {
  const { agent, put, is, file, path, status, told, registry } = await node(context);
  const web = profile('web', { architectures: ['SCMP_ARCH_X86_64'] });
  put(web);
  agent();
  await is('web', 'Installed');
  assert.deepEqual(file('web'), web.spec);
  assert.equal(statSync(path('web')).mode & 0o777, 0o644);
  const found = status('web');
  assert.equal(found?.metadata.name, 'web-node-1');
  assert.deepEqual(found?.metadata.labels, {
    'spo.x-k8s.io/profile-id': 'SeccompProfile-web',
    'spo.x-k8s.io/node-name': 'node-1',
    'spo.x-k8s.io/profile-state': 'Installed',
    'spo.x-k8s.io/profile-kind': 'SeccompProfile',
  });
  assert.deepEqual(found?.metadata.ownerReferences, [
    {
      apiVersion: 'security-profiles-operator.x-k8s.io/v1',
      kind: 'SeccompProfile',
      name: 'web',
      uid: 'uid-of-web',
      controller: true,
      blockOwnerDeletion: true,
    },
  ]);
  assert.deepEqual(found?.spec, { nodeName: 'node-1' });
  const [ready] = found?.status?.conditions ?? [];
  assert.deepEqual([ready?.status, ready?.reason, ready?.observedGeneration], ['True', 'Available', 1]);
  assert.deepEqual(told, ['web Normal SavedSeccompProfile: Successfully saved profile to disk on node-1']);
  assert.match(await registry.metrics(), /seccomp_profile_total\{operation="update"\} 1/);
});

test('a change of the profile is a change of the file; a new process writes nothing anew', async (context) => {
  const { agent, put, is, until, file, path, server, told } = await node(context);
  put(profile('web'));
  const first = agent();
  await is('web', 'Installed');
  const changed = profile('web', { syscalls: [{ names: ['write'], action: 'SCMP_ACT_ALLOW' }] }, { generation: 2 });
  put(changed);
  await until(() => told.length === 2);
  assert.deepEqual(file('web'), changed.spec);
  await until(() => server.asked.filter(({ path }) => path.endsWith('/status')).length === 2);
  await first.end();
  const writes = () => server.asked.filter(({ method }) => method !== 'GET').length;
  const before = writes();
  const { ino } = statSync(path('web'));
  const { installs } = agent();
  await until(
    () => server.watches.size === 4 && installs.stats.done > 0 && installs.stats.ready + installs.stats.active === 0,
  );
  assert.equal(statSync(path('web')).ino, ino);
  assert.equal(writes(), before);
});

test('an error number of 0, which is none for the API, is none in the file', async (context) => {
  const { agent, put, is, file } = await node(context);
  const rule = { names: ['write'], action: 'SCMP_ACT_ERRNO' as const };
  put(profile('web', { syscalls: [{ ...rule, errnoRet: 0 }] }));
  agent();
  await is('web', 'Installed');
  assert.deepEqual(file('web').syscalls, [rule]);
});

test('a profile that is still recorded is not installed, and is once it is whole', async (context) => {
  const { agent, put, is, file, files } = await node(context);
  put(profile('rec', {}, { labels: { 'spo.x-k8s.io/partial': 'true' } }));
  put(profile('other'));
  agent();
  await is('other', 'Installed');
  assert.deepEqual(files(), ['other.json']);
  put(profile('rec'));
  await is('rec', 'Installed');
  assert.ok(file('rec'));
});

test('a profile has its bases’ calls, and follows their changes at once', async (context) => {
  const { agent, put, is, tells, until, file, told } = await node(context);
  const names = (of: string) => file(of)?.syscalls.flatMap((rule: { names: string[] }) => rule.names);
  put(profile('top', { baseProfileName: 'middle' }));
  put(profile('middle', { baseProfileName: 'base', syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ALLOW' }] }));
  agent();
  await is('top', 'Error');
  assert.match(told.join('\n'), /top Warning InvalidSeccompProfile: there is no base profile base \(of middle\)/);
  put(profile('base', { syscalls: [{ names: ['write'], action: 'SCMP_ACT_ALLOW' }] }));
  await is('top', 'Installed');
  assert.deepEqual(names('top'), ['mkdir', 'read', 'write']);
  assert.equal(file('top').baseProfileName, 'middle');
  put(profile('base', { syscalls: [{ names: ['open'], action: 'SCMP_ACT_ALLOW' }] }));
  await until(() => told.filter((line) => line.startsWith('top Normal')).length === 2);
  assert.deepEqual(names('top'), ['mkdir', 'open', 'read']);
  put(profile('far', { baseProfileName: 'oci://somewhere/runc:1' }));
  await tells('far Warning InvalidSeccompProfile: base profile oci://somewhere/runc:1 is an artifact');
});

test('a file that somebody edits or removes is put right', async (context) => {
  const { agent, put, is, until, file, path, told, clock } = await node(context);
  const [edited, removed] = [profile('edited'), profile('removed')];
  put(edited);
  put(removed);
  agent();
  await is('edited', 'Installed');
  await is('removed', 'Installed');
  writeFileSync(path('edited'), '{"defaultAction":"SCMP_ACT_ALLOW"}');
  rmSync(path('removed'));
  clock.advance(10_000);
  await until(() => told.length === 4);
  assert.deepEqual([file('edited'), file('removed')], [edited.spec, removed.spec]);
});

test('a disabled profile is taken away, unless a pod uses it', async (context) => {
  const { agent, put, is, file, server, status, until } = await node(context);
  for (const name of ['idle', 'used']) put(profile(name));
  put(user('pod', 'used'), PODS);
  agent();
  await is('used', 'Installed');
  await is('idle', 'Installed');
  for (const name of ['idle', 'used']) put(profile(name, { state: 'Disabled' }, { generation: 2 }));
  await is('idle', 'Disabled');
  await is('used', 'Disabled');
  assert.equal(file('idle'), undefined);
  assert.ok(file('used'));
  server.remove(PODS, 'n/pod');
  await until(() => file('used') === undefined && status('used')?.status?.pods === undefined);
});

test('what is not allowed gets no file and no node status, but an event; what is allowed no more goes', async (context) => {
  const { agent, put, is, gone, tells, files, statuses, registry } = await node(context);
  put(limits(['read']), DAEMONS);
  put(profile('good'));
  put(profile('bad', { syscalls: [{ names: ['ptrace'], action: 'SCMP_ACT_ALLOW' }] }));
  agent();
  await is('good', 'Installed');
  await tells('bad Warning ProfileNotAllowed: syscall not allowed: ptrace');
  assert.deepEqual(files(), ['good.json']);
  assert.equal(statuses().length, 1);
  assert.match(await registry.metrics(), /seccomp_profile_error_total\{reason="ProfileNotAllowed"\} 1/);
  put(limits(['ptrace']), DAEMONS);
  await is('bad', 'Installed');
  await gone('good');
  assert.deepEqual(files(), ['bad.json']);
});

test('deleted while a pod uses it: Terminating, and the file stays until pod and operator let it go', async (context) => {
  const { agent, put, is, gone, until, file, status, server, statuses } = await node(context);
  put(profile('web'));
  put(user('pod', 'web'), PODS);
  put(user('done', 'web', { phase: 'Succeeded' }), PODS);
  agent();
  await is('web', 'Installed');
  await until(() => status('web')?.status?.pods === 1);
  assert.deepEqual(status('web')?.status?.activeWorkloads, ['n/pod']);
  put(profile('web', {}, { deletionTimestamp: AGO }));
  await is('web', 'Terminating');
  server.remove(PODS, 'n/pod');
  await until(() => status('web')?.status?.pods === undefined);
  assert.ok(file('web'));
  put({ ...profile('web', {}, { deletionTimestamp: AGO }), status: released } as never);
  await gone('web');
  assert.equal(file('web'), undefined);
  assert.equal(statuses().length, 0);
});

test('a profile that is gone without a word goes from the node too, but not from under a pod', async (context) => {
  const { agent, put, is, until, file, path, server } = await node(context);
  for (const name of ['idle', 'used']) put(profile(name));
  put(user('pod', 'used'), PODS);
  writeFileSync(path('by-hand'), '{}');
  put(user('other', 'by-hand'), PODS);
  agent();
  await is('idle', 'Installed');
  await is('used', 'Installed');
  for (const name of ['idle', 'used']) server.remove(PROFILES, name);
  await until(() => file('idle') === undefined);
  assert.ok(file('used'));
  for (const name of ['pod', 'other']) server.remove(PODS, `n/${name}`);
  await until(() => file('used') === undefined);
  assert.ok(file('by-hand'), 'what never was a profile is somebody else’s');
});

test('a link in a file’s place is not followed, and a directory there is told', async (context) => {
  const { agent, put, is, directory, path, file, status } = await node(context);
  const outside = join(directory, '../outside');
  writeFileSync(outside, 'untouched');
  symlinkSync(outside, path('link'));
  symlinkSync('/dev/null', path('device'));
  mkdirSync(path('dir'));
  put(profile('link'));
  put(profile('device'));
  put(profile('dir'));
  agent();
  await is('link', 'Installed');
  await is('device', 'Installed');
  assert.equal(readFileSync(outside, 'utf8'), 'untouched');
  for (const name of ['link', 'device']) assert.equal(file(name).defaultAction, 'SCMP_ACT_ERRNO');
  await is('dir', 'Error');
  assert.match(status('dir')?.status?.conditions?.[0]?.message ?? '', /cannot write .*dir\.json/);
});

const WRONG: readonly [name: string, spec: object, message: RegExp][] = [
  ['log-enricher-trace', {}, /taken by the agent itself/],
  ['x'.repeat(251), {}, /no name of a profile's file/],
  ['../../etc/passwd', {}, /no name of a profile's file/],
  [
    'big',
    {
      syscalls: [
        { names: ['read'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, op: 'SCMP_CMP_EQ', value: 2 ** 60 }] },
      ],
    },
    /larger than JSON tells exactly/,
  ],
];

for (const [name, spec, message] of WRONG)
  test(`what cannot be a file is told: ${name.slice(0, 20)}`, async (context) => {
    const { agent, put, is, tells, files, told } = await node(context);
    put(profile(name, spec));
    put(profile('good'));
    agent();
    await is('good', 'Installed');
    await tells(`${name} Warning`);
    assert.match(told.find((line) => line.startsWith(`${name} Warning`)) ?? '', message);
    assert.deepEqual(files(), ['good.json']);
  });

test('of two profiles with one file, the shorter name has it, and the other when that is gone', async (context) => {
  const { agent, put, is, file, server } = await node(context);
  put(profile('x', { defaultAction: 'SCMP_ACT_KILL' }));
  put(profile('x.json', { defaultAction: 'SCMP_ACT_LOG' }));
  agent();
  await is('x.json', 'Error');
  await is('x', 'Installed');
  assert.equal(file('x').defaultAction, 'SCMP_ACT_KILL');
  server.remove(PROFILES, 'x');
  await is('x.json', 'Installed');
  assert.equal(file('x').defaultAction, 'SCMP_ACT_LOG');
});

test('a node status of another’s profile by the same name is not touched', async (context) => {
  const { agent, put, until, statuses } = await node(context);
  const other = { kind: 'AppArmorProfile', name: 'web', uid: 'u2', apiVersion: 'x' };
  put({ metadata: { name: 'web-node-1', ownerReferences: [other] }, spec: { nodeName: 'node-1' } } as never, STATUSES);
  put(profile('web'));
  agent();
  await until(() => statuses()[1]?.status?.status === 'Installed');
  const [first, second] = statuses();
  assert.deepEqual(first?.metadata.ownerReferences, [other]);
  assert.match(second?.metadata.name ?? '', /^web-node-1-[0-9a-f]{8}$/);
});

test('what a killed process had begun to write is swept, and nothing else', async (context) => {
  const { agent, put, is, directory, files } = await node(context);
  for (const name of ['.web.json.AbCd-_123456', '.keep', 'kubelet-config.json'])
    writeFileSync(join(directory, name), '{');
  put(profile('web'));
  agent();
  await is('web', 'Installed');
  assert.deepEqual(files(), ['.keep', 'kubelet-config.json', 'web.json']);
});

test('where files cannot be written, that is told, and it is tried again', async (context) => {
  const { agent, put, is, directory, file, status } = await node(context);
  rmSync(directory, { recursive: true });
  writeFileSync(directory, '');
  put(profile('web'));
  agent();
  await is('web', 'Error');
  assert.match(status('web')?.status?.conditions?.[0]?.message ?? '', /ENOTDIR|EEXIST/);
  rmSync(directory);
  await is('web', 'Installed');
  assert.ok(file('web'));
});
