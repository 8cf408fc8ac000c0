import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SeccompProfile } from '../../../src/api/types.ts';
import { deniedTable, rolloutTable } from '../../../src/cli/kubectl/rollouts.ts';
import { pathOf } from '../../../src/kube/object.ts';
import { overview } from '../../../src/kubectl/overview.ts';
import { PROFILES } from '../../../src/kubectl/record.ts';
import { approveCalls, suggest, suggestionFor } from '../../../src/kubectl/suggest.ts';
import { serve } from '../../support/kube.ts';

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

test('what is approved is told to the operator by an annotation; a profile that is not there is told', async (context) => {
  const { server, client } = await serve(context);
  server.put(PROFILES, { ...web });
  await approveCalls(client, await suggest(client, 'web', ['mkdir', 'ptrace']));
  const { metadata, spec } = server.objects.get(pathOf(PROFILES), 'web') as unknown as SeccompProfile;
  assert.deepEqual([metadata.annotations, spec], [{ 'spo.x-k8s.io/approve': 'mkdir' }, web.spec]);
  await assert.rejects(suggest(client, 'else', []), { code: 'ERR_TARGET_NOT_FOUND' });
});

test('tables name each profile, its pods by generation, and what it refuses', () => {
  const [row] = overview([], [web], undefined).profiles;
  const rollout = row?.rollout ?? assert.fail('there is a roll-out');
  const running = [{ generation: 1, mode: 'Audit', pods: 4 }] as const;
  const plain = (_: unknown, text: string) => text;
  const lines = rolloutTable([{ profile: 'web', ...rollout, running, mixed: 2, cleanSeconds: 7200 }], plain).split(
    '\n',
  );
  assert.match(lines[1] ?? '', /^web +Audit +2 +False +2h +0 +0 +4 of 1 Audit, 2 mixed$/);
  const denied = deniedTable([{ profile: 'web', ...rollout }], plain, Date.parse(LAST) + 60_000).split('\n');
  assert.match(denied[1] ?? '', /^web +mkdir +shop\/Deployment\/web\/c +2 +1m$/);
  assert.match(denied[3] ?? '', /^web +\(others\) +3$/);
});

test('status tells of a roll-out where its workloads are, and that something would be refused is a problem', () => {
  const [row] = overview([], [web], 'shop').profiles;
  assert.equal(row?.problem, 'Denied: would be refused: mkdir');
  assert.deepEqual([row?.rollout?.mode, row?.rollout?.clean, row?.rollout?.denied.length], ['Audit', 'False', 2]);
  assert.deepEqual(overview([], [web], 'other').profiles, []);
});
