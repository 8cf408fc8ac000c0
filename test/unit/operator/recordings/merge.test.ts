import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { namesOf, type ProfileObject } from '../../../../src/operator/recordings/instances.ts';
import {
  fold,
  foldedOf,
  KEPT,
  mergedName,
  mergedOf,
  mergedProfile,
} from '../../../../src/operator/recordings/merge.ts';
import { instances, many, partial, recording } from '../samples.ts';

const NONE = foldedOf(undefined);

function merge(profiles: readonly ProfileObject[], before?: ProfileObject, final = false) {
  const folding = fold(instances(profiles), foldedOf(before));
  return { ...folding, merged: mergedProfile(recording(), 'front', folding, { name: 'rec-front', final }) };
}

const coverage = ({ metadata }: ProfileObject) =>
  JSON.parse(metadata.annotations?.['spo.x-k8s.io/syscall-coverage'] ?? 'null');

test('a merged profile has what any instance did, and how many of them did it', () => {
  const { merged } = merge([partial('a', ['read', 'mkdir']), partial('b', ['read'])]);
  assert.deepEqual(coverage(merged), { version: 'v1', total: 2, syscalls: { mkdir: 1, read: 2 } });
  assert.deepEqual(
    merged.spec.syscalls?.map(({ names }) => names),
    [['mkdir'], ['read']],
  );
});

test('while the recording goes on it is partial, and nothing but that changes at the end', () => {
  const all = [partial('a', ['read'])];
  const [going, final] = [merge(all).merged, merge(all, undefined, true).merged];
  assert.equal(going.metadata.labels?.['spo.x-k8s.io/partial'], 'true');
  assert.equal(going.metadata.labels?.['spo.x-k8s.io/role'], 'merged');
  assert.deepEqual(final.metadata.labels, {
    'spo.x-k8s.io/recording-id': 'rec',
    'spo.x-k8s.io/recording-namespace': 'shop',
  });
  assert.deepEqual(final.spec, going.spec);
});

test('the newest hundred that are finished stay, and so does what is not finished, however old', () => {
  const running = partial('running', ['read'], { finished: false }, { created: '1969-01-01T00:00:00Z' });
  const { kept, folded } = fold(instances([running, ...many(KEPT + 2)]), NONE);
  assert.equal(kept.length, KEPT + 1);
  assert.ok(kept.some(({ profile }) => profile.metadata.name === 'running'));
  assert.deepEqual([...folded.deleting].sort(), ['uid-of-p0', 'uid-of-p1']);
  assert.deepEqual([folded.total, folded.syscalls], [2, { read: 2, own_0: 1, own_1: 1 }]);
});

test('one whose rules say more than names is not folded', () => {
  const special = partial('special', ['read'], {}, { created: '1969-01-01T00:00:00Z' });
  const argued: ProfileObject = {
    ...special,
    spec: {
      ...special.spec,
      syscalls: [{ names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, op: 'SCMP_CMP_EQ', value: 1 }] }],
    },
  };
  const { kept } = fold(instances([argued, ...many(KEPT)]), NONE);
  assert.ok(kept.some(({ profile }) => profile.metadata.name === 'special'));
});

test('instances that are folded count once, whatever happens between folding and deleting', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 12 }), { maxLength: 6 }), (deletions) => {
      const all = many(KEPT + 8);
      let objects = all;
      let merged: ProfileObject | undefined;
      // Each round writes the merged profile, and deletes as many of those that it may as it comes to.
      for (const count of [...deletions, KEPT]) {
        const round = merge(objects, merged);
        merged = round.merged;
        const gone = new Set(round.folded.deleting.slice(0, count));
        objects = objects.filter(({ metadata }) => !gone.has(metadata.uid ?? ''));
        assert.equal(coverage(merged).total, all.length);
        assert.equal(coverage(merged).syscalls.read, all.length);
        assert.deepEqual(namesOf(merged), new Set(all.flatMap((one) => [...namesOf(one)])));
      }
      assert.equal(objects.length, KEPT);
      assert.deepEqual(foldedOf(merge(objects, merged).merged).deleting, []);
    }),
    { numRuns: 20 },
  );
});

test('reasons and the newest call of folded instances are kept, one of each code', () => {
  const old = ['1', '2', '3'].map((name) =>
    partial(
      name,
      ['read'],
      { reasons: [{ code: 'busy', message: name }], newest: `2026-01-0${name}T00:00:00.000Z` },
      { created: '1969-01-01T00:00:00Z' },
    ),
  );
  const { folded } = fold(instances([...old, ...many(KEPT)]), NONE);
  assert.equal(folded.total, 3);
  assert.deepEqual(
    folded.reasons.map(({ code }) => code),
    ['busy'],
  );
  assert.equal(folded.newest, '2026-01-03T00:00:00.000Z');
});

test('an annotation that is none of ours counts nothing', () => {
  for (const text of ['', 'null', '{}', '{"total":"3"}', '[1]', '{'])
    assert.deepEqual(
      foldedOf({
        ...partial('a', []),
        metadata: { name: 'a', annotations: { 'spo.x-k8s.io/folded-instances': text } },
      }),
      NONE,
    );
});

test('merged profiles are known by their recording’s UID, not by its name', () => {
  const { merged } = merge([partial('a', ['read'])]);
  assert.deepEqual([...mergedOf(recording(), [merged, partial('a', ['read'])]).keys()], ['front']);
  assert.equal(mergedOf(recording({}, { uid: 'another' }), [merged]).size, 0);
  assert.equal(mergedName(recording(), 'front'), 'rec-front');
});

test('a disabled recording gives a disabled profile, of folded instances too', () => {
  const disabled = recording({ disableProfileAfterRecording: true });
  const folded = { ...NONE, total: 1, syscalls: { read: 1 } };
  const merged = mergedProfile(disabled, 'front', { kept: [], folded }, { name: 'x', final: true });
  assert.equal(merged.spec.state, 'Disabled');
});
