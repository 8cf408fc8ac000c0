import fc from 'fast-check';
import type { Profile, SyscallArg, SyscallRule } from '../../../../src/profile/seccomp/model.ts';
import { ACTIONS, OPERATORS } from '../../../../src/profile/seccomp/model.ts';

/** Few of everything, so that profiles meet in the same names, arguments and values. */
export const NAMES = ['read', 'write', 'socket'];
export const ARCHES = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];
const small = fc.bigInt({ min: 0n, max: 3n });
const errno = fc.option(fc.constantFrom(1, 2, 13, 38), { nil: undefined });

export const argValues = fc.array(small, { minLength: 6, maxLength: 6 });

function arg(value: fc.Arbitrary<bigint>): fc.Arbitrary<SyscallArg> {
  const fields = { index: fc.nat({ max: 2 }), op: fc.constantFrom(...OPERATORS), value, valueTwo: value };
  // Without the null prototype that fast-check sometimes gives a record: deepEqual would tell it from a plain object.
  return fc.record(fields, { noNullPrototype: true });
}

function rule(value: fc.Arbitrary<bigint>, names: fc.Arbitrary<string>): fc.Arbitrary<SyscallRule> {
  return fc
    .record({
      names: fc.uniqueArray(names, { minLength: 1, maxLength: 3 }),
      action: fc.constantFrom(...ACTIONS),
      errnoRet: errno,
      args: fc.array(arg(value), { maxLength: 3 }),
    })
    .map(({ args, errnoRet, ...rest }) => ({
      ...rest,
      ...(errnoRet !== undefined && { errnoRet }),
      ...(args.length > 0 && { args }),
    }));
}

interface Settings {
  readonly value?: fc.Arbitrary<bigint>;
  readonly names?: fc.Arbitrary<string>;
}

/** A profile without a listener or base, which only merge when they are equal. */
export function profiles(settings: Settings = {}): fc.Arbitrary<Profile> {
  const { value = small, names = fc.constantFrom(...NAMES) } = settings;
  return fc
    .record({
      defaultAction: fc.constantFrom(...ACTIONS),
      defaultErrnoRet: errno,
      architectures: fc.subarray(ARCHES),
      flags: fc.subarray(['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW']),
      syscalls: fc.array(rule(value, names), { maxLength: 5 }),
    })
    .map(({ defaultErrnoRet, ...rest }) => ({ ...rest, ...(defaultErrnoRet !== undefined && { defaultErrnoRet }) }));
}
