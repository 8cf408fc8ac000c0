import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Limits, notAllowed } from '../../../../src/profile/seccomp/limits.ts';
import type { Action, Profile } from '../../../../src/profile/seccomp/model.ts';

function profile(defaultAction: Action, rules: readonly (readonly [string, Action])[]): Profile {
  const syscalls = rules.map(([name, action]) => ({ names: [name], action }));
  return { defaultAction, architectures: [], flags: [], syscalls };
}

const strict = profile('SCMP_ACT_ERRNO', [
  ['read', 'SCMP_ACT_ALLOW'],
  ['ptrace', 'SCMP_ACT_KILL'],
]);
const logging = profile('SCMP_ACT_ERRNO', [['read', 'SCMP_ACT_LOG']]);

const CASES: readonly [what: string, Profile, Limits, RegExp | undefined][] = [
  ['without limits everything goes', profile('SCMP_ACT_ALLOW', []), {}, undefined],
  ['empty lists are no limits', strict, { allowedSyscalls: [], allowedSeccompActions: [] }, undefined],
  ['calls that are allowed', strict, { allowedSyscalls: ['read'] }, undefined],
  ['a call that is not', strict, { allowedSyscalls: ['write'] }, /^syscall not allowed: read$/],
  ['one that is let through otherwise', logging, { allowedSyscalls: ['write'] }, /^syscall not allowed: read$/],
  [
    'all that are not named',
    profile('SCMP_ACT_LOG', []),
    { allowedSyscalls: ['read'] },
    /^seccomp profile not allowed/,
  ],
  [
    'an action that is left out, though its calls are allowed',
    logging,
    { allowedSyscalls: ['read'], allowedSeccompActions: ['SCMP_ACT_ALLOW'] },
    /^seccomp action not allowed: SCMP_ACT_LOG$/,
  ],
  ['refusals need no leave', strict, { allowedSeccompActions: ['SCMP_ACT_ALLOW'] }, undefined],
];

for (const [what, given, limits, refused] of CASES)
  test(`limits: ${what}`, () => {
    const found = notAllowed(given, limits);
    if (refused) assert.match(found ?? '', refused);
    else assert.equal(found, undefined);
  });
