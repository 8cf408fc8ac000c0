import assert from 'node:assert/strict';
import { test } from 'node:test';
import { approve } from '../../../src/api/approval.ts';
import { type Denied, keepDenials, sumDenials } from '../../../src/api/denials.ts';
import { durationOf } from '../../../src/api/duration.ts';
import { digestOf, enforcedOf, modeOf } from '../../../src/api/rollout.ts';
import type { SeccompProfile } from '../../../src/api/types.ts';

const denial = (syscall: string, workload: string, count = 1, last = '2026-01-01T00:00:00Z'): Denied => ({
  ...{ syscall, workload, count, last },
});
const of = (...denied: Denied[]) => ({ denied, deniedLeft: 0 });

test('the same call of the same workload on several nodes is one, with the last time', () => {
  const sum = sumDenials(
    [
      of(denial('mkdir', 'a', 2, '2026-01-01T00:00:05Z'), denial('mkdir', 'b')),
      { ...of(denial('mkdir', 'a', 3)), deniedLeft: 7 },
    ],
    10,
  );
  assert.deepEqual(sum, {
    denied: [denial('mkdir', 'a', 5, '2026-01-01T00:00:05Z'), denial('mkdir', 'b')],
    deniedLeft: 7,
  });
});

test('of too many every call is kept before a second workload of one is, and the rest is counted', () => {
  const many = Array.from({ length: 9 }, (_, index) => denial('mkdir', `w${index}`, 2));
  const { denied, deniedLeft } = sumDenials([of(...many, denial('unlink', 'z'))], 3);
  assert.deepEqual(
    denied.map(({ syscall, workload }) => `${syscall} ${workload}`),
    ['mkdir w0', 'mkdir w1', 'unlink z'],
  );
  assert.equal(deniedLeft, 14);
  const calls = Array.from({ length: 9 }, (_, index) => denial(`call${index}`, 'w'));
  assert.equal(sumDenials([of(...calls)], 3).denied.length, 3);
});

test('what is not told any more stays, and what is told is not added to it', () => {
  const before = { ...of(denial('mkdir', 'a', 5), denial('rmdir', 'a', 2)), deniedLeft: 4 };
  const kept = keepDenials(before, { ...of(denial('mkdir', 'a', 3), denial('unlink', 'a')), deniedLeft: 1 }, 10);
  assert.deepEqual(kept, {
    denied: [denial('mkdir', 'a', 5), denial('rmdir', 'a', 2), denial('unlink', 'a')],
    deniedLeft: 4,
  });
  assert.deepEqual(keepDenials(kept, kept, 10), kept);
  assert.deepEqual(keepDenials(of(), of(denial('mkdir', 'a', 3)), 10), of(denial('mkdir', 'a', 3)));
});

test('what was seen and is named is let through by the rule that lets through whatever the arguments', () => {
  const rules = [
    { names: ['mkdir', 'mount'], action: 'SCMP_ACT_ERRNO' },
    { names: ['read'], action: 'SCMP_ACT_ALLOW' },
    { names: ['mkdir'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, op: 'SCMP_CMP_EQ' }] },
  ] as const;
  assert.deepEqual(approve(rules, 'mkdir, ptrace', ['mkdir', 'rmdir']), {
    syscalls: [
      { names: ['mount'], action: 'SCMP_ACT_ERRNO' },
      { names: ['mkdir', 'read'], action: 'SCMP_ACT_ALLOW' },
    ],
    added: ['mkdir'],
    unseen: ['ptrace'],
  });
  assert.deepEqual(approve([], 'all', ['b', 'a', 'x86_64:999']), {
    syscalls: [{ names: ['a', 'b'], action: 'SCMP_ACT_ALLOW' }],
    added: ['a', 'b'],
    unseen: ['x86_64:999'],
  });
  assert.equal(approve(rules, '', ['mkdir']).syscalls, rules);
});

function profile(rollout?: SeccompProfile['spec']['rollout'], more: object = {}): SeccompProfile {
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'SeccompProfile',
    metadata: { name: 'web', generation: 3 },
    spec: { defaultAction: 'SCMP_ACT_ERRNO', state: 'Enabled', ...(rollout && { rollout }), ...more },
  };
}

test('a profile is in Audit until what it says is enforced, however it is rolled out', () => {
  const audit = profile({ mode: 'Audit' });
  assert.equal(modeOf(profile()), 'Enforce');
  assert.equal(modeOf(profile({ promoteAfter: '1h' })), 'Enforce');
  assert.equal(modeOf(audit), 'Audit');
  const enforced = enforcedOf(profile());
  assert.equal(modeOf({ ...audit, status: { enforced } }), 'Enforce');
  assert.equal(modeOf({ ...profile({ mode: 'Audit' }, { flags: [] }), status: { enforced } }), 'Audit');
  assert.equal(digestOf(profile({ mode: 'Audit' }, { state: 'Disabled' }).spec), enforced.digest);
});

test('what is enforced is kept, without how it was rolled out, unless it is too large', () => {
  const { generation, spec } = enforcedOf(profile({ mode: 'Audit' }));
  assert.deepEqual([generation, JSON.parse(spec ?? '')], [3, { defaultAction: 'SCMP_ACT_ERRNO' }]);
  const names = Array.from({ length: 40_000 }, (_, index) => `call${index}`);
  assert.equal(enforcedOf(profile(undefined, { syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] })).spec, undefined);
});

test('durations are hours, minutes and seconds, and nothing else', () => {
  assert.deepEqual(['24h', '1h30m5s', '0s'].map(durationOf), [86_400_000, 5_405_000, 0]);
  assert.deepEqual(['', '1d', '5', '-1s', undefined].map(durationOf), Array(5).fill(undefined));
});
