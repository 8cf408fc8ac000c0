import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SeccompProfile } from '../../../src/api/types.ts';
import { overview } from '../../../src/kubectl/overview.ts';
import { suggestionFor } from '../../../src/kubectl/suggest.ts';

const LAST = '2026-01-01T00:00:00Z';
const web: SeccompProfile = {
  apiVersion: 'security-profiles-operator.x-k8s.io/v1',
  kind: 'SeccompProfile',
  metadata: { name: 'web' },
  spec: { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }] },
  status: {
    status: 'Installed',
    conditions: [
      {
        type: 'Clean',
        status: 'False',
        reason: 'Denied',
        message: 'would be refused: mkdir',
        lastTransitionTime: LAST,
      },
    ],
    rollout: {
      ...{ mode: 'Audit', generation: 2, digest: 'd', since: LAST, deniedLeft: 3 },
      denied: [
        { syscall: 'mkdir', workload: 'shop/Deployment/web/c', count: 2, last: LAST },
        { syscall: 'rmdir', workload: 'shop/Deployment/web/c', count: 1, last: LAST },
      ],
    },
  },
};

test('what was seen is suggested as a patch of the profile, all of it or what is named', () => {
  const { calls, left, patch } = suggestionFor(web, []);
  assert.deepEqual([calls, left], [['mkdir', 'rmdir'], 3]);
  assert.deepEqual(patch, { spec: { syscalls: [{ names: ['mkdir', 'read', 'rmdir'], action: 'SCMP_ACT_ALLOW' }] } });
  const one = suggestionFor(web, ['rmdir', 'ptrace']);
  assert.deepEqual([one.calls, one.unseen], [['rmdir'], ['ptrace']]);
  const { status: _, ...fresh } = web;
  assert.deepEqual(suggestionFor(fresh, []), { profile: 'web', denied: [], left: 0, calls: [], unseen: [] });
});

test('status tells of a roll-out where its workloads are, and that something would be refused is a problem', () => {
  const [row] = overview([], [web], 'shop').profiles;
  assert.equal(row?.problem, 'Denied: would be refused: mkdir');
  assert.deepEqual([row?.rollout?.mode, row?.rollout?.clean, row?.rollout?.denied.length], ['Audit', 'False', 2]);
  assert.deepEqual(overview([], [web], 'other').profiles, []);
});
