import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mergeProfiles } from '../../../../src/profile/seccomp/merge.ts';
import type { Profile, SyscallArg, SyscallRule } from '../../../../src/profile/seccomp/model.ts';
import { decide } from '../../../../src/profile/seccomp/semantics.ts';
import { compareVerdicts, rank } from '../../../../src/profile/seccomp/strictness.ts';
import { runsOf } from '../../../support/sizes.ts';
import { ARCHES, argValues, NAMES, profiles } from './arbitrary.ts';

const calls = fc.record({
  arch: fc.constantFrom(...ARCHES),
  name: fc.constantFrom(...NAMES, 'mount'),
  args: argValues,
});
const MANY = runsOf(3000);

function profile(rules: readonly SyscallRule[], rest: Partial<Profile> = {}): Profile {
  return { defaultAction: 'SCMP_ACT_ERRNO', architectures: [], flags: [], syscalls: rules, ...rest };
}

function arg(index: number, value: bigint, op: SyscallArg['op'] = 'SCMP_CMP_EQ'): SyscallArg {
  return { index, value, valueTwo: 0n, op };
}

function allow(name: string, ...args: SyscallArg[]): SyscallRule {
  return { names: [name], action: 'SCMP_ACT_ALLOW', ...(args.length > 0 && { args }) };
}

test('a merged profile is never stricter than any of its inputs', () => {
  fc.assert(
    fc.property(
      fc.array(profiles(), { minLength: 1, maxLength: 4 }),
      calls,
      fc.constantFrom(...ARCHES),
      (inputs, call, native) => {
        const merged = mergeProfiles(inputs as [Profile, ...Profile[]]);
        const after = rank(decide(merged, call, native).action);
        for (const input of inputs) {
          const before = rank(decide(input, call, native).action);
          // A call of an architecture that is not listed kills the thread; once listed, the default may kill the process.
          const foreign = call.arch !== native && !input.architectures.includes(call.arch);
          assert.ok(after >= before || foreign);
        }
      },
    ),
    runsOf(10_000),
  );
});

test('merging a profile with itself decides every call as the profile does', () => {
  fc.assert(
    fc.property(profiles(), calls, (input, call) => {
      assert.equal(compareVerdicts(decide(mergeProfiles([input, input]), call), decide(input, call)), 0);
    }),
    MANY,
  );
});

test('merging is idempotent', () => {
  fc.assert(
    fc.property(profiles(), (input) => {
      const once = mergeProfiles([input]);
      assert.deepEqual(mergeProfiles([once, once]), once);
      assert.deepEqual(mergeProfiles([once, input]), once);
    }),
    MANY,
  );
});

test('merging is commutative', () => {
  fc.assert(
    fc.property(profiles(), profiles(), (a, b) => assert.deepEqual(mergeProfiles([a, b]), mergeProfiles([b, a]))),
    MANY,
  );
});

test('merging is associative', () => {
  fc.assert(
    fc.property(profiles(), profiles(), profiles(), (a, b, c) => {
      const merged = mergeProfiles([a, b, c]);
      assert.deepEqual(mergeProfiles([mergeProfiles([a, b]), c]), merged);
      assert.deepEqual(mergeProfiles([a, mergeProfiles([b, c])]), merged);
    }),
    MANY,
  );
});

test('merging never takes a name, an architecture or a flag of the log away', () => {
  fc.assert(
    fc.property(profiles(), profiles(), (a, b) => {
      const merged = mergeProfiles([a, b]);
      assert.deepEqual(merged.architectures, [...new Set([...a.architectures, ...b.architectures])].sort());
      const log = (p: Profile) => p.flags.includes('SECCOMP_FILTER_FLAG_LOG');
      assert.equal(log(merged), log(a) || log(b));
    }),
  );
});

for (const [behaviour, a, b, expected] of [
  ['names of both are allowed', [allow('read')], [allow('write')], [{ ...allow('read'), names: ['read', 'write'] }]],
  ['a rule without arguments wins over one with', [allow('socket')], [allow('socket', arg(0, 1n))], [allow('socket')]],
  [
    'conditions on different arguments stay alternatives in entries of their own',
    [allow('socket', arg(0, 1n))],
    [allow('socket', arg(1, 2n))],
    [allow('socket', arg(0, 1n)), allow('socket', arg(1, 2n))],
  ],
  [
    'the same conditions in another order are one entry',
    [allow('socket', arg(0, 1n), arg(1, 2n))],
    [allow('socket', arg(1, 2n), arg(0, 1n))],
    [allow('socket', arg(0, 1n), arg(1, 2n))],
  ],
  [
    'two tests of one argument are alternatives, as runc reads them',
    [allow('socket', arg(0, 1n), arg(0, 2n))],
    [],
    [allow('socket', arg(0, 1n)), allow('socket', arg(0, 2n))],
  ],
  [
    'the errno follows the less restrictive action',
    [{ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }],
    [{ names: ['clone3'], action: 'SCMP_ACT_KILL_PROCESS' }],
    [{ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }],
  ],
  [
    'a prohibition that only one side has goes, since the other side has the default',
    [{ names: ['ptrace'], action: 'SCMP_ACT_KILL_PROCESS', args: [arg(0, 16n)] }],
    [],
    [],
  ],
] as const satisfies readonly (readonly [
  string,
  readonly SyscallRule[],
  readonly SyscallRule[],
  readonly SyscallRule[],
])[]) {
  test(`merge: ${behaviour}`, () => {
    assert.deepEqual(mergeProfiles([profile(a), profile(b)]).syscalls, expected);
  });
}

test('the milder default wins, and with it goes what the stricter one had allowed beyond', () => {
  const strict = profile([allow('read'), { names: ['write'], action: 'SCMP_ACT_LOG' }]);
  const loose = profile([], { defaultAction: 'SCMP_ACT_LOG' });
  const merged = mergeProfiles([strict, loose]);
  assert.equal(merged.defaultAction, 'SCMP_ACT_LOG');
  assert.equal(decide(merged, { arch: 'SCMP_ARCH_X86_64', name: 'mount', args: [] }).action, 'SCMP_ACT_LOG');
});

test('SPEC_ALLOW is kept only if all have it', () => {
  const given = profile([], { flags: ['SECCOMP_FILTER_FLAG_SPEC_ALLOW', 'SECCOMP_FILTER_FLAG_LOG'] });
  assert.deepEqual(mergeProfiles([given, profile([])]).flags, ['SECCOMP_FILTER_FLAG_LOG']);
  assert.equal(mergeProfiles([given, given]).flags.length, 2);
});

test('name and labels are the first profile’s, a base the one that is given', () => {
  const first = profile([], { name: 'a', labels: { app: 'a' } });
  const merged = mergeProfiles([first, profile([], { name: 'b', baseProfileName: 'runc' })]);
  assert.deepEqual([merged.name, merged.labels, merged.baseProfileName], ['a', { app: 'a' }, 'runc']);
});

test('two different bases are refused', () => {
  const two = [profile([], { baseProfileName: 'a' }), profile([], { baseProfileName: 'b' })] as const;
  assert.throws(() => mergeProfiles([...two]), {
    name: 'ProfileError',
    message: /baseProfileName is a in one profile and b/,
  });
});

test('of two refusals ENOSYS is the milder, else the lower number', () => {
  const refusal = (errnoRet: number) => profile([{ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet }]);
  for (const [a, b, milder] of [
    [38, 13, 38],
    [2, 38, 38],
    [13, 2, 2],
  ] as const) {
    assert.equal(mergeProfiles([refusal(a), refusal(b)]).syscalls[0]?.errnoRet, milder);
  }
});

test('a profile stays disabled only if all are', () => {
  const disabled = profile([], { state: 'Disabled' });
  assert.equal(mergeProfiles([disabled, disabled]).state, 'Disabled');
  for (const pair of [[disabled, profile([])] as const, [profile([]), disabled] as const]) {
    assert.equal(mergeProfiles([...pair]).state, undefined);
  }
});

const call = (name: string, ...args: bigint[]) => ({ arch: 'SCMP_ARCH_X86_64', name, args });
const refuse: SyscallRule = { names: ['socket'], action: 'SCMP_ACT_ERRNO' };

test('a rule that says the same as the default is not there for runtimes', () => {
  const conditional = profile([refuse, allow('socket', arg(0, 1n))]);
  assert.equal(decide(conditional, call('socket', 1n)).action, 'SCMP_ACT_ALLOW');
  assert.equal(decide(conditional, call('socket', 2n)).action, 'SCMP_ACT_ERRNO');
  const args = [arg(0, 1n)];
  const twice = profile([
    { ...refuse, args },
    { names: ['socket'], action: 'SCMP_ACT_TRAP', args },
  ]);
  assert.equal(decide(twice, call('socket', 1n)).action, 'SCMP_ACT_TRAP');
});

test('of prohibitions that hold at once the strictest counts, of permissions the mildest', () => {
  const rules = (...actions: SyscallRule['action'][]) =>
    profile(actions.map((action, index) => ({ names: ['socket'], action, args: [arg(index, 1n)] })));
  const verdictOf = (given: Profile) => decide(given, call('socket', 1n, 1n)).action;
  assert.equal(verdictOf(rules('SCMP_ACT_TRAP', 'SCMP_ACT_KILL_PROCESS')), 'SCMP_ACT_KILL_PROCESS');
  assert.equal(verdictOf(rules('SCMP_ACT_LOG', 'SCMP_ACT_TRACE')), 'SCMP_ACT_LOG');
});

test('a rule without conditions leaves nothing of those with, as in libseccomp', () => {
  const both = profile([allow('socket', arg(0, 1n)), { ...refuse, action: 'SCMP_ACT_LOG' }]);
  assert.equal(decide(both, call('socket', 1n)).action, 'SCMP_ACT_LOG');
});

test('a call of an architecture that is not listed is a kill, the machine’s own is always listed', () => {
  const plain = profile([allow('read')], { architectures: ['SCMP_ARCH_X86'] });
  const by = (arch: string) => decide(plain, { arch, name: 'read', args: [] }).action;
  assert.deepEqual(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'].map(by), [
    'SCMP_ACT_ALLOW',
    'SCMP_ACT_ALLOW',
    'SCMP_ACT_KILL_THREAD',
  ]);
});
