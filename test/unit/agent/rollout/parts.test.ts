import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Losses } from '../../../../src/agent/audit/losses.ts';
import type { PodObject } from '../../../../src/agent/pods/cluster.ts';
import { Sightings } from '../../../../src/agent/rollout/denials.ts';
import { RolloutHistory } from '../../../../src/agent/rollout/history.ts';
import { workloadOf } from '../../../../src/agent/rollout/workload.ts';
import { event, kernel, QUIET } from '../recording/log/node.ts';

test('a workload is what made the pod, whichever pod it is', () => {
  const of = (owner?: PodObject['owner'], labels: Record<string, string> = {}) =>
    workloadOf({ metadata: { name: 'p', namespace: 'n', labels }, containers: [], ...(owner && { owner }) }, 'c');
  assert.equal(of(), 'n/Pod/p/c');
  assert.equal(of({ kind: 'ReplicaSet', name: 'web-7d4b9' }, { 'pod-template-hash': '7d4b9' }), 'n/Deployment/web/c');
  assert.equal(of({ kind: 'ReplicaSet', name: 'web-7d4b9' }), 'n/ReplicaSet/web-7d4b9/c');
  assert.equal(of({ kind: 'Job', name: 'tidy-28400000' }), 'n/CronJob/tidy/c');
  assert.equal(of({ kind: 'Job', name: 'tidy-7' }), 'n/Job/tidy-7/c');
});

test('calls of containers are counted by what was done with them, and begin anew when they are taken', () => {
  const sightings = new Sightings();
  for (const name of ['mkdir', 'mkdir', 'rmdir']) sightings.add(event('a', name));
  sightings.add(event('a', 'mkdir', 'web', 'errno'));
  const found = sightings.take('a').map(({ syscall, made, count }) => [syscall, made, count]);
  assert.deepEqual(found, [
    ['mkdir', true, 2],
    ['rmdir', true, 1],
    ['mkdir', false, 1],
  ]);
  assert.deepEqual([sightings.take('a'), sightings.ids(), sightings.lost], [[], [], 0]);
});

test('containers and calls that have no room are counted as lost', () => {
  const sightings = new Sightings();
  for (let index = 0; index < 2050; index++) sightings.add(event(`c${index}`, 'mkdir'));
  assert.deepEqual([sightings.ids().length, sightings.lost], [2048, 2]);
  const one = new Sightings();
  const { seccomp } = event('a', 'mkdir');
  for (let number = 0; number < 2050; number++)
    one.add({ ...event('a', 'mkdir'), seccomp: { ...seccomp, syscall: `s${number}` } as NonNullable<typeof seccomp> });
  assert.deepEqual([one.take('a').length, one.lost], [2048, 2]);
});

test('what the kernel, its way here, or the search for its owner lost is a loss, for a minute', () => {
  const losses = new Losses();
  losses.begin({ ...QUIET, lost: 3 });
  assert.ok(losses.look({ ...QUIET, lost: 3, pending: 9 }, 0), 'what may still come is not lost');
  assert.equal(losses.reason(0), undefined);
  assert.ok(!losses.look({ ...QUIET, lost: 4 }, 1000));
  assert.ok(losses.look({ ...QUIET, lost: 4 }, 2000));
  assert.match(losses.reason(60_999) ?? '', /^1 audit records/);
  assert.equal(losses.reason(61_000), undefined);
  assert.ok(!losses.look({ ...QUIET, lost: 4, status: kernel(2) }, 70_000));
  assert.ok(!losses.look({ ...QUIET, lost: 4, status: kernel(1) }, 70_000), 'set back, and one more');
  assert.ok(!losses.look({ ...QUIET, lost: 4, status: kernel(1), unresolved: 1 }, 70_000));
});

test('the history of profiles outlives the process, but not the profile', (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-rollout-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'rollouts.json');
  const warned: string[] = [];
  const open = () => new RolloutHistory(file, { info: () => {}, warn: (_, text) => void warned.push(text) });
  const kept = {
    uid: 'u',
    placements: [{ generation: 1, mode: 'Audit', digest: 'd', since: 5, first: true }],
    seen: ['a'],
  } as const;
  open().put('SeccompProfile/web', kept);
  assert.deepEqual(open().of('SeccompProfile/web', 'u'), kept);
  assert.deepEqual(open().of('SeccompProfile/web', 'another'), { uid: 'another', placements: [], seen: [] });
  open().remove('SeccompProfile/web');
  assert.deepEqual(open().keys(), []);
  assert.deepEqual(warned, []);
  writeFileSync(file, 'half of');
  assert.deepEqual(open().keys(), []);
  assert.equal(warned.length, 1);
});
