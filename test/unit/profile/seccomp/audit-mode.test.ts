import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audited, refusesByDefault } from '../../../../src/profile/seccomp/audit-mode.ts';
import type { Profile, SyscallRule } from '../../../../src/profile/seccomp/model.ts';
import { decide } from '../../../../src/profile/seccomp/semantics.ts';

const allow = (...names: string[]): SyscallRule => ({ names, action: 'SCMP_ACT_ALLOW' });
const errno = (...names: string[]): SyscallRule => ({ names, action: 'SCMP_ACT_ERRNO' });
const when = (rule: SyscallRule, value: bigint): SyscallRule => ({
  ...rule,
  args: [{ index: 0, op: 'SCMP_CMP_EQ', value, valueTwo: 0n }],
});

function profile(
  syscalls: readonly SyscallRule[],
  defaultAction: Profile['defaultAction'] = 'SCMP_ACT_ERRNO',
): Profile {
  return { defaultAction, architectures: ['SCMP_ARCH_X86_64'], flags: [], syscalls };
}

/** What happens to a call, without the prefix. */
function does(of: Profile, name: string, argument = 0n): string {
  return decide(of, { arch: 'SCMP_ARCH_X86_64', name, args: [argument] }).action.slice('SCMP_ACT_'.length);
}

test('of what was never enforced, what it refuses by default is logged, and nothing else changes', () => {
  const next = profile([allow('read'), errno('mount'), { names: ['ptrace'], action: 'SCMP_ACT_KILL_PROCESS' }]);
  const found = audited(next);
  assert.deepEqual(
    ['read', 'mkdir', 'mount', 'ptrace'].map((name) => does(found, name)),
    ['ALLOW', 'LOG', 'ERRNO', 'KILL_PROCESS'],
  );
  assert.equal(does(audited(profile([], 'SCMP_ACT_KILL_PROCESS')), 'mkdir'), 'LOG');
});

test('a profile that refuses nothing by default is installed as it is', () => {
  const next = profile([errno('mkdir')], 'SCMP_ACT_ALLOW');
  assert.deepEqual(audited(next, profile([allow('mkdir')])), next);
});

test('of an update, what is new is let through, what goes is logged, and the rest is as it was', () => {
  const last = profile([allow('read', 'mkdir', 'mount'), errno('kexec_load')], 'SCMP_ACT_KILL_PROCESS');
  const next = profile([allow('read', 'listen'), errno('mount')]);
  const found = audited(next, last);
  assert.deepEqual(
    Object.fromEntries(
      ['read', 'listen', 'mkdir', 'mount', 'kexec_load', 'ptrace'].map((name) => [name, does(found, name)]),
    ),
    { read: 'ALLOW', listen: 'ALLOW', mkdir: 'LOG', mount: 'ERRNO', kexec_load: 'ERRNO', ptrace: 'KILL_PROCESS' },
  );
});

test('where the last one let through all but some calls, all others are logged', () => {
  const found = audited(profile([allow('read')]), profile([errno('ptrace')], 'SCMP_ACT_ALLOW'));
  assert.deepEqual(
    ['read', 'mkdir', 'ptrace'].map((name) => does(found, name)),
    ['ALLOW', 'LOG', 'ERRNO'],
  );
});

test('a call that was let through under a condition is logged under it', () => {
  const found = audited(profile([allow('read')]), profile([when(allow('socket'), 1n)]));
  assert.deepEqual([does(found, 'socket', 1n), does(found, 'socket', 2n)], ['LOG', 'ERRNO']);
});

test('a call that was let through and is under a condition now is logged whole, unless a rule refuses some of it', () => {
  const last = profile([allow('socket')]);
  assert.equal(does(audited(profile([when(allow('socket'), 1n)]), last), 'socket', 1n), 'LOG');
  const found = audited(profile([when(errno('socket'), 1n)], 'SCMP_ACT_KILL_PROCESS'), last);
  assert.equal(does(found, 'socket', 1n), 'ERRNO');
});

test('architectures of both are listed: to leave one out would end its threads', () => {
  const last = { ...profile([allow('read')]), architectures: ['SCMP_ARCH_X86'] };
  assert.deepEqual(audited(profile([]), last).architectures, ['SCMP_ARCH_X86', 'SCMP_ARCH_X86_64']);
});

test('a call is refused by default where no rule is for it, or only under conditions', () => {
  const rules = [
    allow('read'),
    { names: ['write'], action: 'SCMP_ACT_LOG' } as const,
    when(allow('socket'), 1n),
    errno('mount'),
  ];
  assert.deepEqual(
    ['read', 'write', 'socket', 'mount', 'mkdir'].filter((name) => refusesByDefault(profile(rules), name)),
    ['socket', 'mkdir'],
  );
  const loose = profile([errno('mount'), when(errno('socket'), 1n)], 'SCMP_ACT_ALLOW');
  assert.deepEqual(
    ['mount', 'socket', 'mkdir'].filter((name) => refusesByDefault(loose, name)),
    [],
  );
});
