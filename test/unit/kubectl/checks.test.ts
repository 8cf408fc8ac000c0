import assert from 'node:assert/strict';
import { test } from 'node:test';
import { examine, type Findings } from '../../../src/kubectl/checks.ts';

const OURS = 'security-profiles-operator';
const WELL: Findings = {
  kinds: new Map([['seccompprofiles', ['v1beta1', 'v1']]]),
  wantedKinds: ['seccompprofiles'],
  agents: { desired: 3, ready: 3 },
  nodes: 3,
  settings: '',
  deployments: [{ name: 'security-profiles-operator', wanted: 3, ready: 3 }],
  webhooks: ['recording.spo.io', 'binding.spo.io'].map((name) => ({ name, trusted: true, namespace: OURS })),
  rights: [{ part: 'agents', account: 'spod', missing: [] }],
  misdirected: [],
  unconverted: [],
  missingPolicies: [],
  elsewhere: [],
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
        { name: 'recording.spo.io', trusted: false, namespace: OURS },
        { name: 'binding.spo.io', trusted: true, namespace: OURS },
      ],
    },
    'recording.spo.io wrong: the API server does not know whom to trust (no caBundle)',
  ],
  [
    'a webhook that another installation is asked for',
    {
      webhooks: [
        { name: 'recording.spo.io', trusted: true, namespace: 'spo2' },
        { name: 'binding.spo.io', trusted: true, namespace: OURS },
      ],
    },
    'recording.spo.io wrong: the API server asks the webhook of the namespace spo2',
  ],
  [
    'rights that an account has lost',
    { rights: [{ part: 'agents', account: 'spod', missing: ['watch seccompprofiles', 'create seccompprofiles'] }] },
    'rights of the agents wrong: spod may not: watch seccompprofiles, create seccompprofiles',
  ],
  [
    'a definition that asks another installation',
    { misdirected: ['seccompprofiles are converted by the namespace spo2'] },
    'conversion wrong: seccompprofiles are converted by the namespace spo2',
  ],
  [
    'a conversion that fails, though the viewer may not see definitions',
    { misdirected: undefined, unconverted: ['GET x: conversion webhook failed'] },
    'conversion wrong: GET x: conversion webhook failed',
  ],
  [
    'a policy that is not in force',
    { missingPolicies: ['agents.spo.io'] },
    'policies wrong: not in force: agents.spo.io',
  ],
  [
    'another installation',
    { elsewhere: ['spo2'] },
    'installations wrong: there is another, or a part of one, in spo2: a cluster can have one, in security-profiles-operator',
  ],
  [
    'rights that may not be asked about',
    { rights: undefined, unasked: ['rights'] },
    'rights unknown: you may not see it',
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
