import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleaningPatch } from '../../../src/setup/uninstall/clean.ts';
import { planOf, refusal, type Situation, type Step } from '../../../src/setup/uninstall/plan.ts';

const WELL: Situation = { spo: false, users: [], objects: 3, foreign: [], operator: true, agents: 2, away: [] };
const NO = { keepFiles: false, force: false };
const words = (steps: readonly Step[]) => steps.map((step) => (step.do === 'end' ? step.which : step.do));

test('webhooks go first, whoever ends objects behind them, definitions behind all objects', () => {
  assert.deepEqual(words(planOf(WELL, NO)), [
    ...['gates', 'recordings', 'profiles', 'operator', 'clean', 'agents'],
    ...['conversion', 'all', 'definitions', 'rest'],
  ]);
  for (const step of planOf(WELL, NO)) assert.ok(!('strip' in step && step.strip), 'nobody’s finalizer is taken away');
});

test('with --keep-files profiles go behind the agents, who would take their files', () => {
  const steps = planOf(WELL, { ...NO, keepFiles: true });
  assert.deepEqual(words(steps), [
    ...['gates', 'recordings', 'operator', 'clean', 'agents', 'conversion', 'all', 'definitions', 'rest'],
  ]);
  assert.deepEqual(
    steps.find((step) => step.do === 'clean'),
    { do: 'clean', profiles: false, lenient: false },
  );
  assert.equal(
    steps.some((step) => step.do === 'end' && step.which === 'all' && step.strip),
    true,
  );
});

test('with --force nobody is waited for who is not there, and nothing has to be converted to be listed', () => {
  const steps = planOf({ ...WELL, operator: false, agents: 0 }, { ...NO, force: true });
  assert.deepEqual(words(steps), [
    ...['gates', 'conversion', 'recordings', 'profiles', 'operator', 'agents', 'all', 'definitions', 'rest'],
  ]);
  for (const step of steps) if (step.do === 'end') assert.deepEqual([step.patient, step.strip], [false, true]);
});

test('what is in the way is told, with the remedy that helps', () => {
  assert.equal(refusal(WELL, NO), undefined);
  const cases: [Partial<Situation>, RegExp, RegExp, (typeof NO)[]][] = [
    [{ users: ['shop/web'] }, /shop\/web/, /--keep-files/, [{ keepFiles: true, force: false }]],
    [{ operator: false }, /no operator.*3/, /--force/, [{ keepFiles: false, force: true }]],
    [{ away: ['node-2'] }, /node-2/, /--force/, [{ keepFiles: false, force: true }]],
    [{ foreign: ['SelinuxProfile x'] }, /SelinuxProfile x/, /--force/, [{ keepFiles: false, force: true }]],
  ];
  for (const [more, message, remedy, allowed] of cases) {
    const refused = refusal({ ...WELL, ...more }, NO);
    assert.match(refused?.message ?? '', message);
    assert.match(refused?.remedy ?? '', remedy);
    for (const options of allowed) assert.equal(refusal({ ...WELL, ...more }, options), undefined);
  }
  const used = { ...WELL, users: Array.from({ length: 12 }, (_, index) => `n/p${index}`) };
  assert.match(
    refusal(used, { keepFiles: false, force: true })?.message ?? '',
    /p9 and 2 others/,
    'force alone is not enough',
  );
  assert.match(refusal({ ...WELL, spo: true }, { keepFiles: true, force: true })?.remedy ?? '', /syscribe adopt/);
  assert.equal(refusal({ ...WELL, operator: false, objects: 0 }, NO), undefined, 'there is nothing to end');
});

test('the agent that cleans knows its directories, and is alone in its pod', () => {
  const agent = { name: 'a', args: ['agent', '--kubelet-dir=/k', '--clean=state'], volumeMounts: [] };
  const containers = [{ name: 'json-enricher', args: ['audit'] }, agent];
  const [replace] = cleaningPatch({ spec: { template: { spec: { containers } } } }, 'all') as [{ value: object }];
  assert.deepEqual(replace.value, [{ ...agent, args: ['agent', '--kubelet-dir=/k', '--clean=all'] }]);
  const others = { spec: { template: { spec: { containers: [{ args: ['daemon'] }] } } } };
  assert.throws(() => cleaningPatch(others, 'all'), { code: 'ERR_SETUP' });
});
