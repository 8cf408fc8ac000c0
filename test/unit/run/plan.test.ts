import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { test } from 'node:test';
import { clusterOf, PLANS, planOf, RUN_LIMITS } from '../../run/plan.ts';

const FILES = globSync('test/system/**/*.test.ts').sort();
const filesOf = (plan: 'test' | 'all') =>
  planOf(plan, FILES).flatMap(({ command }) => command.filter((word) => FILES.includes(word)));

test('each file of test/system runs once in make test, and once in make test-all', () => {
  assert.ok(FILES.length > 50);
  for (const plan of ['test', 'all'] as const) assert.deepEqual(filesOf(plan).sort(), FILES, plan);
});

test('a file’s own call says which cluster it runs in', () => {
  assert.equal(clusterOf('const cluster = useCluster(0, async () => {'), 'api');
  assert.equal(clusterOf('const cluster = useInstalledCluster();'), 'shared');
  assert.equal(clusterOf('const cluster = useInstalledCluster(NODES.length);'), 'own');
  assert.equal(clusterOf('const cluster = useCluster(1);'), 'own');
  assert.equal(clusterOf('const cluster = useBareCluster();'), 'bare');
});

test('stages with clusters that all hang are ended before the run is: the table names each', () => {
  const stages = planOf('test', FILES);
  const lane = (name: string) => stages.filter((stage) => stage.lane === name).map(({ limit }) => limit);
  const sum = (limits: readonly number[]) => limits.reduce((total, limit) => total + limit, 0);
  const audit = stages.find(({ name }) => name === 'audit')?.limit ?? 0;
  assert.ok(sum(lane('wait')) + audit <= (RUN_LIMITS.test ?? 0));
});

test('what changes the machine’s audit settings, or reads its log in a cluster, holds one lock', () => {
  const locked = planOf('test', FILES).filter(({ command }) => command.includes('/run/lock/syscribe-audit'));
  assert.deepEqual(
    locked.map(({ name }) => name),
    ['audit', 'installs', 'clusters', 'shared'],
  );
  const audit: readonly string[] = planOf('test', FILES).find(({ name }) => name === 'audit')?.command ?? [];
  for (const file of ['audit/losses', 'accuracy/audit', 'agent/logs', 'agent/rollout', 'record/run'])
    assert.ok(audit.includes(`test/system/${file}.test.ts`), file);
});

test('every stage of every plan needs stages that stand before it, and has a limit', () => {
  for (const plan of PLANS) {
    const stages = planOf(plan, FILES);
    for (const [index, { name, needs, limit }] of stages.entries()) {
      const before = stages.slice(0, index).map((stage) => stage.name);
      assert.deepEqual(
        needs.filter((need) => !before.includes(need)),
        [],
        name,
      );
      assert.ok(limit > 0, name);
    }
  }
});

test('make check is the first two stages of make test', () => {
  assert.deepEqual(
    planOf('check', FILES).map(({ name }) => name),
    ['lint', 'unit'],
  );
  assert.deepEqual(
    planOf('test', FILES)
      .slice(0, 2)
      .map(({ name }) => name),
    ['lint', 'unit'],
  );
});
