import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { newAuthority, newLeaf, type Pair, serviceNames } from '../../../../src/webhook/certificates/issue.ts';
import { plan, type Step } from '../../../../src/webhook/certificates/plan.ts';
import type { State } from '../../../../src/webhook/certificates/state.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-06-01T00:00:00Z');
const NAMES = serviceNames('security-profiles-operator');
const SETTLE = 1000;

let old: Pair;
let signer: Pair;
let next: Pair;
let leaf: Pair;
let ofNext: Pair;

before(async () => {
  old = await newAuthority(NOW - 300 * DAY);
  signer = await newAuthority(NOW);
  next = await newAuthority(NOW);
  leaf = await newLeaf(signer, NAMES, NOW);
  ofNext = await newLeaf(next, NAMES, NOW);
});

const steps: readonly (readonly [string, () => State | Promise<State>, Step, number?])[] = [
  ['nothing is there', () => ({}), { do: 'begin' }],
  ['what is there is no certificate', () => ({ authorities: { signer: { cert: 'x', key: 'y' } } }), { do: 'begin' }],
  ['the authority has ended', () => ({ authorities: { signer }, leaf }), { do: 'begin' }, NOW + 366 * DAY],
  ['nothing is served', () => ({ authorities: { signer } }), { do: 'issue', by: 'signer' }],
  ['another’s is served', () => ({ authorities: { signer }, leaf: ofNext }), { do: 'issue', by: 'signer' }],
  [
    'the key is another’s',
    () => ({ authorities: { signer }, leaf: { ...leaf, key: ofNext.key } }),
    { do: 'issue', by: 'signer' },
  ],
  [
    'it is for other names',
    async () => ({ authorities: { signer }, leaf: await newLeaf(signer, ['other.svc'], NOW) }),
    { do: 'issue', by: 'signer' },
  ],
  [
    'two thirds of the certificate’s life are over',
    () => ({ authorities: { signer }, leaf }),
    { do: 'issue', by: 'signer' },
    NOW + 61 * DAY,
  ],
  [
    'two thirds of the authority’s life are over',
    async () => ({ authorities: { signer: old }, leaf: await newLeaf(old, NAMES, NOW) }),
    { do: 'prepare' },
  ],
  [
    'only the certificate of who signed is left',
    () => ({ authorities: { signer: { cert: signer.cert } }, leaf }),
    { do: 'prepare' },
  ],
  ['the next one is made', () => ({ authorities: { signer, next }, leaf }), { do: 'note-trust' }],
  [
    'not all may trust the next one yet',
    () => ({ authorities: { signer, next: { ...next, trustedSince: NOW } }, leaf }),
    { do: 'wait', until: NOW + SETTLE },
  ],
  [
    'all trust the next one',
    () => ({ authorities: { signer, next: { ...next, trustedSince: NOW - SETTLE } }, leaf }),
    { do: 'issue', by: 'next' },
  ],
  [
    'not all may trust it, but nothing is served at all',
    () => ({ authorities: { signer, next: { ...next, trustedSince: NOW } } }),
    { do: 'issue', by: 'signer' },
  ],
  [
    'nothing is served, and who signed has no key',
    () => ({ authorities: { signer: { cert: signer.cert }, next: { ...next, trustedSince: NOW } } }),
    { do: 'issue', by: 'next' },
  ],
  [
    'the next one’s is served',
    () => ({ authorities: { signer, next: { ...next, trustedSince: NOW } }, leaf: ofNext }),
    { do: 'switch' },
  ],
  [
    'some may serve the previous one’s still',
    () => ({ authorities: { signer, previous: { cert: old.cert, replacedAt: NOW } }, leaf }),
    { do: 'wait', until: NOW + SETTLE },
  ],
  [
    'nobody serves the previous one’s',
    () => ({ authorities: { signer, previous: { cert: old.cert, replacedAt: NOW - SETTLE } }, leaf }),
    { do: 'forget' },
  ],
];

for (const [what, state, step, now = NOW] of steps)
  test(`${step.do}${'by' in step ? ` by ${step.by}` : ''}: ${what}`, async () => {
    assert.deepEqual(plan(now, await state(), { names: NAMES, settle: SETTLE }), step);
  });

test('where all is well there is nothing to do until two thirds of the certificate’s life', () => {
  const step = plan(NOW, { authorities: { signer }, leaf }, { names: NAMES });
  assert.equal(step.do, 'wait');
  assert.equal(step.do === 'wait' && Math.round((step.until - NOW) / DAY), 60);
});

test('a certificate ends no later than its authority', async () => {
  const late = await newLeaf(old, NAMES, NOW);
  const step = plan(NOW + 66 * DAY, { authorities: { signer: old }, leaf: late }, { names: NAMES });
  assert.deepEqual(step, { do: 'begin' });
});

test('addresses and further names are served too', async () => {
  const names = [...NAMES, '10.0.0.1', '::1', 'example.org'];
  const wide = await newLeaf(signer, names, NOW);
  assert.equal(plan(NOW, { authorities: { signer }, leaf: wide }, { names }).do, 'wait');
});
