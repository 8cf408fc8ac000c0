import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { isKube } from '../../../../src/kube/errors.ts';
import { pathOf } from '../../../../src/kube/object.ts';
import { Reporting } from '../../../../src/operator/profiles/reporting.ts';
import { namesOf, type ProfileObject, type RecordingObject } from '../../../../src/operator/recordings/instances.ts';
import { PROFILES, RECORDINGS, Recordings } from '../../../../src/operator/recordings/reconciler.ts';
import { serve } from '../../../support/kube.ts';
import { partial, recording } from '../samples.ts';

const AGO = '2026-01-01T00:00:00Z';

/** The operator's caches are as new as the server: what it decides does not depend on how old they are here. */
async function operate(context: TestContext, of: RecordingObject, profiles: readonly ProfileObject[]) {
  const { server, client } = await serve(context);
  const told: string[] = [];
  server.objects.adopt(pathOf(RECORDINGS), of);
  for (const profile of profiles) server.objects.adopt(pathOf(PROFILES), profile);
  const stored = () => server.objects.all(pathOf(PROFILES)) as unknown as ProfileObject[];
  const find = () => server.objects.all(pathOf(RECORDINGS))[0] as unknown as RecordingObject | undefined;
  /** As a process that has just started. */
  const reconcile = () =>
    new Recordings({
      client,
      events: { event: (_about, _type, reason) => told.push(reason) },
      log: { info: () => {}, warn: () => {} },
      recording: find,
      profiles: stored,
      profile: (name) => stored().find(({ metadata }) => metadata.name === name),
      hold: (metadata) => new Reporting({ onChange: () => () => {} }, () => 1).hold(metadata),
    }).reconcile('shop/rec', new AbortController().signal);
  return { server, stored, find, reconcile, told };
}

const names = (profiles: readonly ProfileObject[]) => profiles.map(({ metadata }) => metadata.name);
const isPartial = ({ metadata }: ProfileObject) => metadata.labels?.['spo.x-k8s.io/partial'] !== undefined;
const deleted = (spec = {}) =>
  recording(spec, { deletionTimestamp: AGO, finalizers: ['spo.x-k8s.io/has-unmerged-profiles', 'other'] });

test('a merged profile follows its instances, and the recording is held', async (context) => {
  const { stored, find, reconcile } = await operate(context, recording(), [
    partial('rec-front-a', ['read'], { finished: false, running: 1 }),
    partial('rec-front-b', ['mkdir']),
  ]);
  await reconcile();
  const merged = stored().find(({ metadata }) => metadata.name === 'rec-front');
  assert.deepEqual(merged && namesOf(merged), new Set(['mkdir', 'read']));
  assert.ok(merged && isPartial(merged));
  assert.equal(merged.status?.status, 'Partial');
  assert.equal(stored().length, 3);
  assert.deepEqual(find()?.metadata.finalizers, [
    'active-seccomp-profile-recording-lock',
    'spo.x-k8s.io/has-unmerged-profiles',
  ]);
  assert.deepEqual(find()?.status?.activeWorkloads, ['pod-rec-front-a']);
});

test('at the end the merged profile is whole, partials go, and so may the recording', async (context) => {
  const all = ['a', 'b', 'c'].map((name) => partial(name, ['read', `own_${name}`]));
  const { stored, find, reconcile, told } = await operate(context, deleted(), all);
  await reconcile();
  assert.deepEqual(names(stored()), ['rec-front']);
  assert.ok(stored().every((profile) => !isPartial(profile)));
  assert.deepEqual(find()?.metadata.finalizers, ['other']);
  assert.deepEqual(told, []);
});

test('an operator that dies while it deletes partials loses nothing of what is merged', async (context) => {
  const all = ['a', 'b', 'c'].map((name) => partial(name, ['read', `own_${name}`]));
  const { server, stored, find, reconcile, told } = await operate(context, deleted(), all);
  server.fail(({ method, path }) => method === 'DELETE' && path.endsWith('/b'), { status: 500 });
  await assert.rejects(reconcile(), (error) => isKube(error, 'retryable'));
  assert.deepEqual(names(stored()), ['b', 'c', 'rec-front']);
  await reconcile();
  assert.deepEqual(names(stored()), ['rec-front']);
  assert.deepEqual(namesOf(stored()[0] as ProfileObject), new Set(['own_a', 'own_b', 'own_c', 'read']));
  const coverage = JSON.parse(stored()[0]?.metadata.annotations?.['spo.x-k8s.io/syscall-coverage'] ?? '');
  assert.equal(coverage.total, 3);
  assert.deepEqual([find()?.metadata.finalizers, told], [['other'], []]);
});

test('one that dies before it lets the recording go says nothing wrong of it', async (context) => {
  const { server, find, reconcile, told } = await operate(context, deleted(), [partial('a', ['read'])]);
  server.fail(({ method, path }) => method === 'PATCH' && path.endsWith('/rec'), { status: 500 });
  await assert.rejects(reconcile());
  await reconcile();
  assert.deepEqual([find()?.metadata.finalizers, told], [['other'], []]);
});

test('what an earlier recording of the name left does not get into this one', async (context) => {
  const old = partial('rec-front', ['reboot']);
  const { labels, annotations } = old.metadata;
  const folded = { total: 5, syscalls: { reboot: 5 }, reasons: [], deleting: [] };
  const left: ProfileObject = {
    ...old,
    metadata: {
      ...old.metadata,
      labels: {
        'spo.x-k8s.io/recording-id': 'rec',
        'spo.x-k8s.io/recording-namespace': 'shop',
        'spo.x-k8s.io/role': 'merged',
        'spo.x-k8s.io/partial': labels?.['spo.x-k8s.io/partial'] ?? '',
      },
      annotations: {
        ...annotations,
        'spo.x-k8s.io/recording-uid': 'an-earlier-one',
        'spo.x-k8s.io/merged-container': 'front',
        'spo.x-k8s.io/folded-instances': JSON.stringify(folded),
      },
    },
  };
  const { stored, reconcile } = await operate(context, recording(), [left, partial('a', ['read'])]);
  await reconcile();
  const merged = stored().find(({ metadata }) => metadata.name === 'rec-front');
  assert.deepEqual(merged && namesOf(merged), new Set(['read']));
});

test('another’s profile of the merged one’s name stays', async (context) => {
  const other: ProfileObject = { ...partial('rec-front', ['reboot']), metadata: { name: 'rec-front', uid: 'x' } };
  const { stored, reconcile } = await operate(context, recording(), [other, partial('a', ['read'])]);
  await reconcile();
  assert.deepEqual(
    namesOf(stored().find(({ metadata }) => metadata.uid === 'x') as ProfileObject),
    new Set(['reboot']),
  );
  assert.ok(names(stored()).some((name) => /^rec-front-[0-9a-f]{8}$/.test(name)));
});

test('by strategy None what is finished is whole, and what is not waits', async (context) => {
  const { stored, reconcile } = await operate(context, recording({ mergeStrategy: 'None' }), [
    partial('a', ['read']),
    partial('b', ['read'], { finished: false }),
  ]);
  await reconcile();
  assert.deepEqual(
    stored().map((profile) => [profile.metadata.name, isPartial(profile)]),
    [
      ['a', false],
      ['b', true],
    ],
  );
  assert.deepEqual(
    stored().map(({ metadata }) => metadata.finalizers ?? []),
    [['spo.x-k8s.io/on-nodes'], []],
    'by one write with it: it may be on nodes from then on',
  );
});

test('what is finished when it is seen first is made whole by one write; what becomes of it then its nodes tell', async (context) => {
  const { server, stored, reconcile } = await operate(context, recording({ mergeStrategy: 'None' }), [
    partial('a', ['read']),
  ]);
  await reconcile();
  const writes = server.asked.filter(({ method, path }) => method === 'PATCH' && path.includes('/seccompprofiles/'));
  assert.deepEqual(
    writes.map(({ path }) => path.split('/').slice(-2).join('/')),
    ['seccompprofiles/a'],
  );
  assert.equal(stored()[0]?.status, undefined);
});

test('no status is written of an instance that goes', async (context) => {
  const { server, reconcile } = await operate(context, deleted(), [partial('a', ['read'])]);
  await reconcile();
  assert.deepEqual(
    server.asked.filter(({ path }) => path.includes('/seccompprofiles/a')).map(({ method }) => method),
    ['DELETE'],
  );
});

test('a node that does not answer holds a deleted recording for half a minute, and is named', async (context) => {
  const now = new Date().toISOString();
  const fresh = recording({}, { deletionTimestamp: now, finalizers: ['spo.x-k8s.io/has-unmerged-profiles'] });
  const waiting = partial('a', ['read'], { finished: false, running: 1 });
  const soon = await operate(context, fresh, [waiting]);
  const again = await soon.reconcile();
  assert.ok(again?.requeueAfter !== undefined && again.requeueAfter > 0 && again.requeueAfter <= 30_000);
  assert.deepEqual(names(soon.stored()), ['a', 'rec-front']);
  const late = await operate(context, deleted(), [waiting]);
  await late.reconcile();
  assert.deepEqual([names(late.stored()), late.told], [['rec-front'], ['NodesDidNotAnswer']]);
});

test('a recording of which nothing came says so when it goes', async (context) => {
  const { reconcile, told } = await operate(context, deleted(), []);
  await reconcile();
  assert.deepEqual(told, ['NoPartialProfiles']);
});

const UNSEEN = { reasons: [{ code: 'no-slot', message: 'no slot was free for it' }] };

test('a container of which nothing was seen makes the recording incomplete, and no profile', async (context) => {
  for (const mergeStrategy of ['None', 'Containers'] as const) {
    const { server, stored, find, reconcile, told } = await operate(context, recording({ mergeStrategy }), [
      partial('unseen', ['execve'], UNSEEN),
    ]);
    await reconcile();
    assert.deepEqual(names(stored().filter(isPartial)), ['unseen'], mergeStrategy);
    assert.equal(stored().length, 1);
    const complete = find()?.status?.conditions?.find(({ type }) => type === 'Complete');
    assert.deepEqual([complete?.status, complete?.reason], ['False', 'NoSlot']);
    server.objects.adopt(pathOf(RECORDINGS), deleted({ mergeStrategy }));
    await reconcile();
    assert.deepEqual(stored(), []);
    assert.deepEqual(told, ['NoPartialProfiles']);
  }
});
