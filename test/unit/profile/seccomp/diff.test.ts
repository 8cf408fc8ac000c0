import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalProfile } from '../../../../src/profile/seccomp/canonical.ts';
import { describeDefault, describeRule } from '../../../../src/profile/seccomp/describe.ts';
import { diffProfiles, isSame } from '../../../../src/profile/seccomp/diff.ts';
import type { Profile, SyscallArg, SyscallRule } from '../../../../src/profile/seccomp/model.ts';
import { runtimeDefault } from '../../../../src/profile/seccomp/runtime-default.ts';
import { decide } from '../../../../src/profile/seccomp/semantics.ts';
import { profiles } from './arbitrary.ts';

function profile(rest: Partial<Profile>): Profile {
  return { defaultAction: 'SCMP_ACT_ERRNO', architectures: [], flags: [], syscalls: [], ...rest };
}

function arg(index: number, value: bigint, op: SyscallArg['op'] = 'SCMP_CMP_EQ'): SyscallArg {
  return { index, value, valueTwo: 3n, op };
}

test('a profile does not differ from itself, however it is written', () => {
  fc.assert(fc.property(profiles(), (a) => assert.ok(isSame(diffProfiles(a, canonicalProfile(a))))));
});

test('a difference read from the other side is the same, turned round', () => {
  fc.assert(
    fc.property(profiles(), profiles(), (a, b) => {
      const [there, back] = [diffProfiles(a, b), diffProfiles(b, a)];
      assert.equal(isSame(there), isSame(back));
      assert.deepEqual(there.names, { onlyA: back.names.onlyB, onlyB: back.names.onlyA });
    }),
  );
});

const allow = (names: string[], ...args: SyscallArg[]): SyscallRule => ({
  names,
  action: 'SCMP_ACT_ALLOW',
  ...(args.length > 0 && { args }),
});

test('names, rules, architectures, flags and settings are compared', () => {
  const diff = diffProfiles(
    profile({ syscalls: [allow(['read', 'clone'])], architectures: ['SCMP_ARCH_X86'], defaultErrnoRet: 38 }),
    profile({
      syscalls: [allow(['write']), allow(['clone'], arg(0, 1n))],
      flags: ['SECCOMP_FILTER_FLAG_LOG'],
      baseProfileName: 'runc',
    }),
  );
  assert.deepEqual(diff.names, { onlyA: ['read'], onlyB: ['write'] });
  assert.deepEqual(
    diff.changed.map(({ name }) => name),
    ['clone'],
  );
  assert.deepEqual(diff.architectures, { onlyA: ['SCMP_ARCH_X86'], onlyB: [] });
  assert.deepEqual(diff.flags, { onlyA: [], onlyB: ['SECCOMP_FILTER_FLAG_LOG'] });
  assert.deepEqual(diff.settings, [
    { setting: 'baseProfileName', a: '', b: 'runc' },
    { setting: 'defaultErrnoRet', a: '38', b: '1' },
  ]);
});

test('EPERM given and not given are the same', () => {
  const refuse = (errnoRet?: number): SyscallRule => ({
    names: ['read'],
    action: 'SCMP_ACT_ERRNO',
    ...(errnoRet !== undefined && { errnoRet }),
  });
  assert.ok(
    isSame(diffProfiles(profile({ syscalls: [refuse(1)] }), profile({ syscalls: [refuse()], defaultErrnoRet: 1 }))),
  );
  assert.ok(!isSame(diffProfiles(profile({ syscalls: [refuse(38)] }), profile({ syscalls: [refuse()] }))));
});

for (const [rule, text] of [
  [allow(['read']), 'SCMP_ACT_ALLOW'],
  [{ names: ['read'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }, 'SCMP_ACT_ERRNO(38)'],
  [allow(['read'], arg(0, 1n), arg(1, 4096n, 'SCMP_CMP_LT')), 'SCMP_ACT_ALLOW if arg0 == 1 and arg1 < 0x1000'],
  [allow(['read'], arg(0, 1n), arg(0, 2n, 'SCMP_CMP_NE')), 'SCMP_ACT_ALLOW if arg0 == 1 or arg0 != 2'],
  [allow(['read'], arg(2, 7n, 'SCMP_CMP_MASKED_EQ')), 'SCMP_ACT_ALLOW if arg2 & 7 == 3'],
] as const) {
  test(`a rule is described as ${text}`, () => assert.equal(describeRule(rule), text));
}

test('the default is described with its errno', () => {
  assert.equal(describeDefault(profile({ defaultErrnoRet: 38 })), 'SCMP_ACT_ERRNO(38)');
});

for (const [name, args, action] of [
  ['read', [], 'SCMP_ACT_ALLOW'],
  ['chroot', [], 'SCMP_ACT_ALLOW'],
  ['socket', [2n], 'SCMP_ACT_ALLOW'],
  ['socket', [40n], 'SCMP_ACT_ERRNO'],
  ['socket', [38n], 'SCMP_ACT_ERRNO'],
  ['clone', [0x11n], 'SCMP_ACT_ALLOW'],
  ['clone', [0x10000000n], 'SCMP_ACT_ERRNO'],
  ['clone3', [], 'SCMP_ACT_ERRNO'],
  ['io_uring_setup', [], 'SCMP_ACT_ERRNO'],
  ['mount', [], 'SCMP_ACT_ERRNO'],
  ['personality', [0xffffffffn], 'SCMP_ACT_ALLOW'],
  ['personality', [0x40000n], 'SCMP_ACT_ERRNO'],
] as const) {
  test(`the runtimes' default does ${action} on ${name}(${args.join()})`, () => {
    assert.equal(decide(runtimeDefault('x86_64'), { arch: 'SCMP_ARCH_X86_64', name, args }).action, action);
  });
}
