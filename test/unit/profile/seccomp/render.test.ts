import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalProfile } from '../../../../src/profile/seccomp/canonical.ts';
import type { Profile } from '../../../../src/profile/seccomp/model.ts';
import { parseProfile } from '../../../../src/profile/seccomp/parse.ts';
import { renderCustomResource, renderRaw, resourceName } from '../../../../src/profile/seccomp/render.ts';
import { runsOf } from '../../../support/sizes.ts';
import { profiles } from './arbitrary.ts';

const word = fc.stringMatching(/^[a-z_][a-z0-9_]{0,20}$/);
const rawProfiles = profiles({ value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), names: word });

const resources = fc
  .record({
    profile: profiles({ value: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), names: word }),
    name: fc.constantFrom('a', 'nginx', '1', 'true', 'null', '0x10', 'a.b-c'),
    labels: fc.option(fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }), { nil: undefined }),
    baseProfileName: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
    listenerMetadata: fc.option(fc.string(), { nil: undefined }),
    state: fc.option(fc.constant('Disabled' as const), { nil: undefined }),
  })
  .map(({ profile: { defaultErrnoRet: _, ...profile }, ...rest }): Profile => {
    const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    return { ...profile, ...given };
  });

test('parsing what was rendered as JSON gives the profile back', () => {
  fc.assert(
    fc.property(rawProfiles, (profile) => {
      assert.deepEqual(parseProfile(renderRaw(profile), 'f').profile, canonicalProfile(profile));
    }),
    runsOf(500),
  );
});

test('parsing what was rendered as a resource gives the profile back', () => {
  fc.assert(
    fc.property(resources, (profile) => {
      assert.deepEqual(parseProfile(renderCustomResource(profile), 'f').profile, canonicalProfile(profile));
    }),
    runsOf(500),
  );
});

const profile: Profile = {
  name: 'demo',
  defaultAction: 'SCMP_ACT_ERRNO',
  architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
  flags: ['SECCOMP_FILTER_FLAG_LOG'],
  syscalls: [
    { names: ['write', 'read'], action: 'SCMP_ACT_ALLOW' },
    {
      names: ['clone'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, op: 'SCMP_CMP_MASKED_EQ', value: 0x7e020000n, valueTwo: 0n }],
    },
    { names: ['execve'], action: 'SCMP_ACT_ALLOW' },
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
  ],
};

test('a resource has one entry for each action and set of arguments, and sorted names', () => {
  assert.equal(
    renderCustomResource(profile),
    `apiVersion: security-profiles-operator.x-k8s.io/v1
kind: SeccompProfile
metadata:
  name: demo
spec:
  defaultAction: SCMP_ACT_ERRNO
  architectures:
    - SCMP_ARCH_X86
    - SCMP_ARCH_X86_64
  flags:
    - SECCOMP_FILTER_FLAG_LOG
  syscalls:
    - names:
        - execve
        - read
        - write
      action: SCMP_ACT_ALLOW
    - names:
        - clone
      action: SCMP_ACT_ALLOW
      args:
        - index: 0
          value: 2114060288
          op: SCMP_CMP_MASKED_EQ
    - names:
        - clone3
      action: SCMP_ACT_ERRNO
      errnoRet: 38
`,
  );
});

test('JSON has the numbers in full', () => {
  const args = [{ index: 0, op: 'SCMP_CMP_EQ' as const, value: 2n ** 64n - 1n, valueTwo: 0n }];
  const syscalls = [{ names: ['read'], action: 'SCMP_ACT_ALLOW' as const, args }];
  assert.match(renderRaw({ ...profile, syscalls }), /"value": 18446744073709551615,/);
});

test('conditions are sorted as numbers', () => {
  const args = [16n, 3n].map((value) => ({ index: 0, op: 'SCMP_CMP_EQ' as const, value, valueTwo: 0n }));
  const { syscalls } = canonicalProfile({
    ...profile,
    syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', args }],
  });
  assert.deepEqual(
    syscalls[0]?.args?.map(({ value }) => value),
    [3n, 16n],
  );
});

const huge = [{ index: 0, op: 'SCMP_CMP_EQ' as const, value: 2n ** 63n, valueTwo: 0n }];
for (const [what, given, message] of [
  ['an errno by default', { defaultErrnoRet: 38 }, /cannot express defaultErrnoRet 38/],
  ['an errno of 0', { syscalls: [{ names: ['read'], action: 'SCMP_ACT_ERRNO', errnoRet: 0 }] }, /errnoRet 0 of read/],
  [
    'an argument above 2^63-1',
    { syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', args: huge }] },
    /above 2\^63-1/,
  ],
  ['LoongArch', { architectures: ['SCMP_ARCH_LOONGARCH64'] }, /cannot express SCMP_ARCH_LOONGARCH64/],
] as const satisfies readonly (readonly [string, Partial<Profile>, RegExp])[]) {
  test(`a resource cannot express ${what}, which is told`, () => {
    assert.throws(() => renderCustomResource({ ...profile, ...given }), { name: 'ProfileError', message });
  });
}

test('a resource without a name and JSON with a base are refused', () => {
  const { name: _, ...nameless } = profile;
  assert.throws(() => renderCustomResource(nameless), { message: 'a SeccompProfile resource needs a name' });
  assert.throws(() => renderRaw({ ...profile, baseProfileName: 'runc' }), { message: /baseProfileName runc/ });
});

for (const [text, name] of [
  ['nginx', 'nginx'],
  ['My_App.sh', 'my-app.sh'],
  ['..-a-..b', 'a.b'],
  ['/usr/bin/[', 'usr-bin'],
  ['…', 'profile'],
  ['a'.repeat(300), 'a'.repeat(253)],
  [`${'a'.repeat(252)}-b`, 'a'.repeat(252)],
] as const) {
  test(`${text.slice(0, 20)} becomes the name ${name.slice(0, 20)}`, () => assert.equal(resourceName(text), name));
}
