import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Placement, placementAt, withPlacement } from '../../../../src/agent/rollout/install-history.ts';

const content = (generation: number, mode: Placement['mode'] = 'Audit') => ({
  ...{ generation, mode },
  digest: `digest ${generation}`,
});
const generationAt = (history: readonly Placement[], created?: number) => placementAt(history, created)?.generation;

test('where there was nothing before, all that runs began with the first, whenever it was created', () => {
  const history = withPlacement([], content(1), { since: 10_000, changed: true });
  assert.deepEqual(
    [0, 10_001, undefined].map((created) => generationAt(history, created)),
    [1, 1, 1],
  );
});

test('a container began with what was there when it was created, unless that had only just come', () => {
  const first = withPlacement([], content(1), { since: 10_000, changed: true });
  const history = withPlacement(first, content(2), { since: 100_000, before: 10_000, changed: true });
  assert.deepEqual(
    [50_000, 95_000, 95_001, 100_000, 104_999, 105_000, undefined].map((created) => generationAt(history, created)),
    [1, 1, undefined, undefined, undefined, 2, undefined],
  );
});

test('a container of a pod that began behind a change has that change, however soon it was created', () => {
  const first = withPlacement([], content(1), { since: 10_000, changed: true });
  const history = withPlacement(first, content(2), { since: 100_400, before: 10_000, changed: true });
  const began = (podStart: number) => placementAt(history, 102_000, podStart)?.generation;
  assert.deepEqual([100_000, 101_000].map(began), [undefined, 2]);
  const next = withPlacement(history, content(3), { since: 102_500, before: 100_400, changed: true });
  assert.equal(placementAt(next, 102_000, 101_000), undefined, 'but maybe the next one, too');
});

test('what was enforced before anybody kept a history is known; what was before that is not', () => {
  const enforced = { generation: 4, digest: 'digest 4' };
  const placed = { since: 100_000, before: 50_000, changed: true };
  const history = withPlacement([], content(5), placed, enforced);
  assert.deepEqual(
    [1, 60_000, 110_000].map((created) => generationAt(history, created)),
    [undefined, 4, 5],
  );
  assert.equal(placementAt(history, 60_000)?.mode, 'Enforce');
  assert.equal(generationAt(withPlacement([], content(5), placed), 60_000), undefined);
});

test('what is there already when the history begins may not have been the first', () => {
  const history = withPlacement([], content(3), { since: 100_000, changed: false });
  assert.deepEqual(
    [90_000, 110_000].map((created) => generationAt(history, created)),
    [undefined, 3],
  );
});

test('the same content is no other placement, another mode is, and no more than ten are kept', () => {
  const placed = { since: 1, changed: true };
  const one = withPlacement([], content(1), placed);
  assert.equal(withPlacement(one, { ...content(1), generation: 2 }, placed), one);
  assert.equal(withPlacement(one, content(1, 'Enforce'), placed).length, 2);
  const many = Array.from({ length: 30 }, (_, index) => index).reduce(
    (history, index) => withPlacement(history, content(index), { since: index, changed: true }),
    one,
  );
  assert.deepEqual([many.length, many.at(-1)?.generation], [10, 29]);
});
