import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { LARGEST_OBJECT } from '../../../src/api/conversion/review.ts';
import {
  CONVERSION_LIMIT,
  costOfConversion,
  costOfReview,
  LARGEST_REVIEW,
  MEMORY,
  MOST_CONNECTIONS,
  REVIEW_LIMIT,
} from '../../../src/webhook/memory.ts';

const MIB = 2 ** 20;

/** The last number of a line of the Deployment. */
function said(line: RegExp): number {
  const text = readFileSync(new URL('../../../deploy/base/webhook.yaml', import.meta.url), 'utf8');
  return Number(line.exec(text)?.[1]) * MIB;
}

const limit = said(/limits:\n\s+memory: (\d+)Mi/);
const heap = said(/--max-old-space-size=(\d+)/);

test('what the heap holds fits into it', () => {
  assert.ok(MEMORY.idle.heap + MEMORY.reviews + MEMORY.conversion <= heap, String(heap / MIB));
});

test('the heap at its limit, and all that is not in it, fit into the memory of the Deployment', () => {
  const others = MEMORY.idle.other + MEMORY.conversions + MOST_CONNECTIONS * MEMORY.connection;
  assert.ok(heap + others <= limit, `${(heap + others) / MIB} of ${limit / MIB} MiB`);
});

test('the largest request of each kind can be answered', () => {
  assert.ok(REVIEW_LIMIT + costOfReview(REVIEW_LIMIT, LARGEST_REVIEW.values) <= MEMORY.reviews);
  assert.ok(CONVERSION_LIMIT + costOfConversion(CONVERSION_LIMIT) <= MEMORY.conversions);
  assert.ok(costOfReview(LARGEST_OBJECT.bytes, LARGEST_OBJECT.values) <= MEMORY.conversion);
});
