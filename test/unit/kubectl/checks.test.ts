import assert from 'node:assert/strict';
import { test } from 'node:test';
import { examine, type Findings } from '../../../src/kubectl/checks.ts';

const WELL: Findings = {
  kinds: new Map([['seccompprofiles', ['v1beta1', 'v1']]]),
  wantedKinds: ['seccompprofiles'],
  agents: { desired: 3, ready: 3 },
  nodes: 3,
  settings: '',
  deployments: [{ name: 'security-profiles-operator', wanted: 3, ready: 3 }],
  webhooks: ['recording.spo.io', 'binding.spo.io'].map((name) => ({ name, trusted: true })),
  recorded: ['shop'],
  unlabelled: [],
  unasked: [],
};

const wrong = (findings: Partial<Findings>) =>
  examine({ ...WELL, ...findings })
    .filter(({ state }) => state !== 'ok')
    .map(({ name, state, text }) => `${name} ${state}: ${text}`);

test('where all is well, all is ok', () => {
  assert.deepEqual(wrong({}), []);
});

for (const [what, findings, told] of [
  ['not installed', { kinds: new Map() }, 'API wrong: not served in v1: seccompprofiles'],
  ['agents that are not ready', { agents: { desired: 3, ready: 1 } }, 'agents wrong: 1 of 3 are ready'],
  ['nodes without an agent', { nodes: 5 }, 'agents wrong: 2 nodes of 5 have none'],
  ['no agents', { agents: { desired: 0, ready: 0 } }, 'agents wrong: there are none; 3 nodes of 3 have none'],
  ['settings that are not obeyed', { settings: 'spec.a: do b' }, 'settings wrong: spec.a: do b'],
  ['an operator that is not there', { deployments: [{ name: 'x', wanted: 0, ready: 0 }] }, 'x wrong: it is not there'],
  [
    'a webhook that nobody trusts',
    {
      webhooks: [
        { name: 'recording.spo.io', trusted: false },
        { name: 'binding.spo.io', trusted: true },
      ],
    },
    'recording.spo.io wrong: the API server does not know whom to trust (no caBundle)',
  ],
  [
    'recordings where nothing may be recorded',
    { unlabelled: ['bar'] },
    'namespaces wrong: recordings wait in namespaces that may not be recorded: bar',
  ],
  ['what may not be asked', { nodes: undefined, unasked: ['nodes'] }, 'nodes unknown: you may not see it'],
] as const)
  test(`${what} is told, with what to do`, () => {
    assert.deepEqual(wrong(findings), [told]);
    const checks = examine({ ...WELL, ...findings }).filter(({ state }) => state === 'wrong');
    assert.ok(checks.every(({ remedy }) => remedy !== undefined));
  });
