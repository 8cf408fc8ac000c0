import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withBases } from '../../../../src/profile/seccomp/base-profiles.ts';
import type { Profile, SyscallRule } from '../../../../src/profile/seccomp/model.ts';

const ALLOW = 'SCMP_ACT_ALLOW';
const rule = (names: string[], action: SyscallRule['action'] = ALLOW, more: object = {}) => ({
  names,
  action,
  ...more,
});

function profile(syscalls: SyscallRule[], more: Partial<Profile> = {}): Profile {
  return { defaultAction: 'SCMP_ACT_ERRNO', architectures: ['SCMP_ARCH_X86_64'], flags: [], syscalls, ...more };
}

const find = (all: Record<string, Profile>) => (name: string) => all[name];
const named = ({ syscalls }: Profile) => syscalls.map(({ names, action }) => `${names.join()} ${action.slice(9)}`);

test('the calls of a base are added, and nothing else of it', () => {
  const base = profile([rule(['write', 'read'])], {
    defaultAction: 'SCMP_ACT_LOG',
    architectures: ['SCMP_ARCH_ARM'],
    flags: ['SECCOMP_FILTER_FLAG_LOG'],
  });
  const own = profile([rule(['mkdir'])], { baseProfileName: 'b' });
  const { syscalls, ...rest } = withBases('a', own, find({ b: base }));
  assert.deepEqual(syscalls, [rule(['mkdir']), rule(['read']), rule(['write'])]);
  const { syscalls: _, ...mine } = own;
  assert.deepEqual(rest, mine);
});

test('of a call that both name, the milder action counts; what one names is as it says, though the default is milder', () => {
  const base = profile([rule(['chmod'], 'SCMP_ACT_ERRNO'), rule(['read'], 'SCMP_ACT_KILL'), rule(['open'])]);
  const own = profile([rule(['read', 'open'], 'SCMP_ACT_LOG')], { defaultAction: ALLOW, baseProfileName: 'b' });
  assert.deepEqual(named(withBases('a', own, find({ b: base }))), ['chmod ERRNO', 'open ALLOW', 'read LOG']);
});

test('conditions on one call are alternatives, never joined in one rule', () => {
  const when = (index: number) => ({ args: [{ index, op: 'SCMP_CMP_EQ' as const, value: 1n, valueTwo: 0n }] });
  // The base's default is not inherited, so that its rule says something.
  const base = profile([rule(['ioctl'], ALLOW, when(0))], { defaultAction: ALLOW });
  const own = profile([rule(['ioctl'], ALLOW, when(1))], { baseProfileName: 'b' });
  const { syscalls } = withBases('a', own, find({ b: base }));
  assert.deepEqual(
    syscalls.map(({ args }) => args?.map(({ index }) => index)),
    [[0], [1]],
  );
});

test('a profile without a base is the very same', () => {
  const own = profile([rule(['read'])]);
  assert.equal(withBases('a', own, find({})), own);
});

/** p0 on p1 on p2, and so on. */
const chain = (length: number) =>
  Object.fromEntries(
    Array.from({ length: length + 1 }, (_, index) => [
      `p${index}`,
      profile([rule([`call_${index}`])], index < length ? { baseProfileName: `p${index + 1}` } : {}),
    ]),
  );

test('fifteen bases are taken, sixteen are too many', () => {
  const fifteen = chain(15);
  assert.equal(withBases('p0', fifteen.p0 as Profile, find(fifteen)).syscalls.length, 16);
  const sixteen = chain(16);
  assert.throws(() => withBases('p0', sixteen.p0 as Profile, find(sixteen)), /more than 15 base profiles/);
});

test('what cannot be resolved is named', () => {
  const on = (baseProfileName: string) => profile([], { baseProfileName });
  const cases: [Record<string, Profile>, RegExp][] = [
    [{ a: on('a') }, /a circle: a -> a/],
    [{ a: on('b'), b: on('c'), c: on('b') }, /a circle: a -> b -> c -> b/],
    [{ a: on('b'), b: on('gone') }, /there is no base profile gone \(of b\)/],
    [{ a: on('oci://registry/runc:1') }, /oci:\/\/registry\/runc:1 is an artifact .* cannot be fetched/],
  ];
  for (const [all, message] of cases) assert.throws(() => withBases('a', all.a as Profile, find(all)), message);
});
