import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesSelector } from '../../../src/api/selector.ts';
import type { LabelSelector } from '../../../src/api/types.ts';

const LABELS = { app: 'web', tier: '', 'example.com/x': '1' };

const one = (key: string, operator: string, ...values: string[]): LabelSelector => ({
  matchExpressions: [{ key, operator, ...(values.length > 0 && { values }) }],
});

const ROWS: readonly (readonly [LabelSelector, boolean])[] = [
  [{}, true],
  [{ matchLabels: {}, matchExpressions: [] }, true],
  [{ matchLabels: { app: 'web', 'example.com/x': '1' } }, true],
  [{ matchLabels: { app: 'web', tier: 'x' } }, false],
  [{ matchLabels: { tier: '' } }, true],
  [{ matchLabels: { absent: '' } }, false],
  [one('app', 'In', 'db', 'web'), true],
  [one('app', 'In', 'db'), false],
  [one('absent', 'In', 'db'), false],
  [one('app', 'NotIn', 'web'), false],
  [one('app', 'NotIn', 'db'), true],
  [one('absent', 'NotIn', 'db'), true],
  [one('tier', 'Exists'), true],
  [one('absent', 'Exists'), false],
  [one('absent', 'DoesNotExist'), true],
  [one('app', 'DoesNotExist'), false],
  [one('constructor', 'Exists'), false],
  [{ matchLabels: { app: 'web' }, ...one('tier', 'DoesNotExist') }, false],
];

for (const [selector, matches] of ROWS)
  test(`${JSON.stringify(selector)} ${matches ? 'selects' : 'does not select'} the labels`, () => {
    assert.deepEqual(matchesSelector(selector, LABELS), { matches });
  });

const WRONG: readonly (readonly [LabelSelector | undefined, RegExp])[] = [
  [undefined, /no selector/],
  [one('app', 'In'), /In needs values/],
  [one('app', 'NotIn'), /NotIn needs values/],
  [one('app', 'Exists', 'x'), /Exists takes no values/],
  [one('app', 'DoesNotExist', 'x'), /takes no values/],
  [one('app', 'in', 'web'), /"in" is no operator/],
  [one('', 'Exists'), /"" is no name/],
  [one('a/b/c', 'Exists'), /no name/],
  [one('Upper.com/x', 'Exists'), /no name/],
  [one('app', 'In', 'two words'), /"two words" is no value/],
  [{ matchLabels: { app: 'x'.repeat(64) } }, /no value/],
  [{ matchLabels: { absent: 'no' }, ...one('app', 'Bad') }, /"Bad" is no operator/],
];

for (const [selector, message] of WRONG)
  test(`${String(JSON.stringify(selector)).slice(0, 80)} is no selector`, () => {
    const selection = matchesSelector(selector, LABELS);
    assert.match('error' in selection ? selection.error : '', message);
  });
