import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ABIS, syscallNames } from '../../../../src/kernel/syscalls.ts';
import { type Evidence, parseEvidence, renderEvidence } from '../../../../src/profile/seccomp/evidence.ts';
import { explainProfile } from '../../../../src/profile/seccomp/explain.ts';
import type { Profile } from '../../../../src/profile/seccomp/model.ts';
import { riskyNames, syscallFact } from '../../../../src/profile/seccomp/syscall-facts.ts';

const PROFILE: Profile = {
  defaultAction: 'SCMP_ACT_ERRNO',
  architectures: [],
  flags: [],
  syscalls: [{ names: ['read', 'ptrace', 'exit', 'madeup', 'open'], action: 'SCMP_ACT_ALLOW' }],
};

const EVIDENCE: Evidence = {
  version: 1,
  recorder: 'syscribe 1.2.3',
  complete: false,
  reasons: ['recording began after the workload'],
  machine: 'x86_64',
  kernel: '6.18.0',
  started: '2026-01-01T00:00:00.000Z',
  ended: '2026-01-01T00:01:00.000Z',
  processes: 2,
  syscalls: [
    {
      name: 'read',
      abi: 'x86_64',
      number: 0,
      sources: ['runtime'],
      first: { pid: 1, comm: 'runc', time: '2026-01-01T00:00:01.000Z' },
    },
    {
      name: 'read',
      abi: 'i386',
      number: 3,
      sources: ['workload'],
      first: { pid: 7, comm: 'app', time: '2026-01-01T00:00:02.000Z' },
    },
    { name: '-1', abi: 'x86_64', number: -1, sources: ['workload'] },
  ],
  notes: ['a note'],
};

test('every call of every table has a group and a purpose', () => {
  const names = new Set(ABIS.flatMap((abi) => syscallNames(abi)));
  const without = [...names].filter((name) => !syscallFact(name)?.purpose);
  assert.deepEqual(without, []);
});

test('every risk is of a call that has a fact', () => {
  const without = riskyNames().filter((name) => syscallFact(name)?.risk === undefined);
  assert.deepEqual(without, []);
});

for (const name of ['ptrace', 'bpf', 'keyctl', 'io_uring_setup', 'userfaultfd', 'mount', 'unshare', 'init_module']) {
  test(`${name} is told to be a risk`, () => assert.ok(syscallFact(name)?.risk));
}

test('a wider form of a call is what the call is', () => {
  assert.deepEqual(syscallFact('clock_gettime64'), { group: 'time', purpose: 'read a clock (64-bit time)' });
  assert.equal(syscallFact('init_module')?.risk, syscallFact('finit_module')?.risk);
});

test('names are explained by group, in a fixed order', () => {
  const groups = explainProfile(PROFILE).map(({ group, calls }) => [group, calls.map(({ name }) => name)]);
  assert.deepEqual(groups, [
    ['files', ['open']],
    ['input and output', ['read']],
    ['processes', ['exit', 'ptrace']],
    ['other architectures or unknown', ['madeup']],
  ]);
});

test('with evidence each name has who wanted it, the workload before the runtime', () => {
  const calls = new Map(
    explainProfile(PROFILE, EVIDENCE).flatMap(({ calls }) => calls.map((call) => [call.name, call])),
  );
  const read = calls.get('read');
  assert.deepEqual(
    [read?.sources, read?.abis, read?.first?.comm],
    [['runtime', 'workload'], ['x86_64', 'i386'], 'app'],
  );
  assert.deepEqual(calls.get('exit')?.sources, ['base']);
  assert.deepEqual(calls.get('open')?.sources, []);
});

test('without evidence nothing is said about who wanted what', () => {
  for (const { calls } of explainProfile(PROFILE)) for (const call of calls) assert.deepEqual(call.sources, []);
});

test('evidence that was written is read back', () => {
  assert.deepEqual(parseEvidence(renderEvidence(EVIDENCE), 'e'), EVIDENCE);
});

for (const [what, change, message] of [
  ['another version', { version: 2 }, 'e:2:14: version: 2 is not between 1 and 1'],
  ['a time that is none', { started: 'now' }, 'e:10:14: started: "now" is not a time (ISO 8601)'],
  [
    'another ABI',
    { syscalls: [{ name: 'a', abi: 'vax', number: 1, sources: [] }] },
    /^e:16:14: syscalls\[0\]\.abi: "vax" is not one of/,
  ],
  [
    'another source',
    { syscalls: [{ name: 'a', abi: 'i386', number: 1, sources: ['?'] }] },
    /syscalls\[0\]\.sources\[0\]: "\?" is not one of workload, denied, runtime/,
  ],
] as const) {
  test(`evidence with ${what} is refused`, () => {
    const text = renderEvidence({ ...EVIDENCE, ...change } as unknown as Evidence);
    assert.throws(() => parseEvidence(text, 'e'), { name: 'ProfileError', message });
  });
}
