import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InstallableProfile } from '../../../../src/agent/install/installer.ts';
import type { Placement } from '../../../../src/agent/rollout/install-history.ts';
import { countPods, type Look, Report } from '../../../../src/agent/rollout/progress.ts';
import { NO_DENIALS } from '../../../../src/api/denials.ts';
import { digestOf } from '../../../../src/api/rollout.ts';
import { profile } from '../install/support.ts';

const audited = (promoteAfter = '200s', name = 'read'): InstallableProfile =>
  profile('web', {
    syscalls: [{ names: [name], action: 'SCMP_ACT_ALLOW' }],
    rollout: { mode: 'Audit', promoteAfter },
  });
const look = (now: number, more: Partial<Look> = {}): Look => ({
  ...{ profile: audited(), mode: 'Audit', now, stream: { stream: 'Alive' }, sound: true },
  ...{ pods: [], seen: 0, fresh: 0, running: true, denials: NO_DENIALS, ...more },
});
const denial = (syscall: string, count: number) => ({
  denied: [{ syscall, workload: 'n/Pod/p/c', count, last: '2026-01-01T00:00:00.000Z' }],
  deniedLeft: 0,
});
const time = (told: string | undefined) => Date.parse(told ?? '');
const placement = (generation: number, mode: Placement['mode'] = 'Audit'): Placement => ({
  ...{ generation, mode, digest: `${generation}`, since: 0, first: false },
});

test('how long it is clean is told in steps of a twentieth, and at once when that ends', () => {
  const report = new Report(undefined);
  assert.ok(report.look(look(1000)));
  assert.ok(!report.look(look(10_999)));
  assert.ok(report.look(look(11_000)));
  assert.deepEqual([time(report.told?.cleanFrom), time(report.told?.cleanUntil)], [1000, 11_000]);
  assert.equal(report.told?.counting, true);
  assert.ok(!report.look(look(15_000)));
  assert.ok(report.look(look(16_000, { running: false })));
  assert.equal(time(report.told?.cleanUntil), 15_000, 'up to when it was seen to run');
  assert.equal(report.told?.counting, undefined);
  assert.ok(!report.look(look(20_000, { running: false })));
  assert.ok(report.look(look(21_000)), 'it begins anew');
  assert.deepEqual([time(report.told?.cleanFrom), time(report.told?.cleanUntil)], [21_000, 21_000]);
});

test('time in which records were lost, or nothing runs, is not clean, nor what a clock that is set skips', () => {
  const report = new Report(undefined);
  report.look(look(1000));
  report.look(look(20_000, { sound: false, stream: { stream: 'Lossy', message: 'lost' } }));
  assert.equal(time(report.told?.cleanUntil), 1000);
  assert.equal(report.told?.message, 'lost');
  report.look(look(21_000));
  assert.equal(time(report.told?.cleanFrom), 21_000);
  report.look(look(5000));
  assert.equal(time(report.told?.cleanFrom), 5000);
  report.look(look(86_400_000));
  assert.equal(time(report.told?.cleanFrom), 86_400_000);
});

test('calls are added up over looks and over processes, and begin anew with another profile', () => {
  const first = new Report(undefined);
  first.look(look(1, { denials: denial('mkdir', 2), fresh: 1 }));
  const second = new Report(first.told);
  second.look(look(2, { denials: denial('mkdir', 3), fresh: 1 }));
  assert.deepEqual([second.told?.denied?.[0]?.count, second.told?.containers], [5, 2]);
  second.look(look(3, { profile: audited('200s', 'write') }));
  assert.deepEqual([second.told?.denied, second.told?.containers], [undefined, undefined]);
  assert.equal(second.told?.digest, digestOf(audited('1s', 'write').spec), 'but not with another roll-out');
});

test('no more than fifty calls are told, and how often others were logged', () => {
  const report = new Report(undefined);
  for (let index = 0; index < 70; index++) report.look(look(index, { denials: denial(`call${index}`, 2) }));
  assert.deepEqual([report.told?.denied?.length, report.told?.deniedLeft], [50, 40]);
});

test('a pod is of the generation that its containers began with, and mixed where they differ or nobody knows', () => {
  const pods = [[placement(2)], [placement(2), placement(2)], [placement(1, 'Enforce')], [placement(1), placement(2)]];
  assert.deepEqual(countPods([...pods, [undefined], []]), {
    running: [
      { generation: 2, mode: 'Audit', pods: 2 },
      { generation: 1, mode: 'Enforce', pods: 1 },
    ],
    mixed: 2,
  });
});
