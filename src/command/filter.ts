import { type FilterRule, isNativeFailure, native } from '../capture/native.ts';
import { type Abi, type Machine, machineAbis, SECCOMP_ARCH } from '../kernel/abi.ts';
import { AUDIT_ARCH } from '../kernel/audit.ts';
import { BPF, FILTER_FLAG_LOG, instruction, SECCOMP_RET_ALLOW, SECCOMP_RET_LOG } from '../kernel/sock-filter.ts';
import { syscallNumber } from '../kernel/syscalls.ts';
import { SyscribeError } from '../platform/errors.ts';
import { enosysStub } from '../profile/seccomp/enosys.ts';
import type { Action, Profile, SyscallArg, SyscallRule } from '../profile/seccomp/model.ts';

/** libseccomp's action numbers (seccomp.h), which are the kernel's SECCOMP_RET_*. */
const ACTIONS: Record<Action, number> = {
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: SECCOMP_RET_LOG,
  SCMP_ACT_ALLOW: SECCOMP_RET_ALLOW,
};
const OPERATORS = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
} as const;
/** libseccomp's tokens: AUDIT_ARCH_*, and one of its own for x32. */
const TOKENS: Record<Abi, number> = { ...AUDIT_ARCH, x32: 0x4000003e };
const FLAGS: Record<string, number> = { SECCOMP_FILTER_FLAG_LOG: FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4 };
const EPERM = 1;
const ENOSYS = 38;
const INSTRUCTION_SIZE = 8;
const MAX_INSTRUCTIONS = 4096; // BPF_MAXINSNS

/** A filter ready to be loaded. */
export interface CompiledFilter {
  readonly program: Buffer;
  /** SECCOMP_FILTER_FLAG_*; always with LOG, so that what is refused can be told. */
  readonly flags: number;
  /** Names that this libseccomp does not know: left out, as runc does. */
  readonly unknown: readonly string[];
}

/** ERRNO and TRACE carry a number in their low half; runc's default for both is EPERM. */
function actionNumber(action: Action, errno: number | undefined): number {
  const withData = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
  return (ACTIONS[action] | (withData ? (errno ?? EPERM) & 0xffff : 0)) >>> 0;
}

function nativeArg(arg: SyscallArg): FilterRule['args'][number] {
  return { index: arg.index, op: OPERATORS[arg.op], value: arg.value, valueTwo: arg.valueTwo };
}

/** Conditions on the same argument are alternatives in the OCI format: runc makes a rule of each (matchCall). */
function alternatives(args: readonly SyscallArg[]): SyscallArg[][] {
  const indexes = new Set(args.map((arg) => arg.index));
  return indexes.size === args.length ? [[...args]] : args.map((arg) => [arg]);
}

/** libseccomp refuses rules that do what the default does; leaving them out is the same filter. */
function rulesOf(rule: SyscallRule, defaultAction: number): FilterRule[] {
  const action = actionNumber(rule.action, rule.errnoRet);
  if (action === defaultAction) return [];
  return rule.names.flatMap((name) =>
    alternatives(rule.args ?? []).map((args) => ({ name, action, args: args.map(nativeArg) })),
  );
}

/** The greatest number that the profile names, for each of `abis`: what runc's stub goes by (findLastSyscalls). */
function newestNamed(profile: Profile, abis: readonly Abi[]): Partial<Record<Abi, number>> {
  const newest: Partial<Record<Abi, number>> = {};
  const names = profile.syscalls.flatMap((rule) => rule.names);
  for (const abi of abis) {
    const numbers = names.map((name) => syscallNumber(abi, name) ?? -1);
    const last = numbers.reduce((a, b) => Math.max(a, b), -1);
    if (last >= 0) newest[abi] = last;
  }
  return newest;
}

/**
 * Makes of a profile the filter that runc would load on this machine.
 * @throws SyscribeError ERR_FILTER where it cannot be: NOTIFY has nobody to notify here, too large, refused by libseccomp.
 */
export function compileFilter(profile: Profile, machine: Machine): CompiledFilter {
  const { native: own, compat, x32 } = machineAbis(machine);
  const listed: readonly string[] = profile.architectures;
  const abis = [own, compat, ...(x32 ? [x32] : [])].filter((abi) => abi === own || listed.includes(SECCOMP_ARCH[abi]));
  const uses = [profile.defaultAction, ...profile.syscalls.map((rule) => rule.action)];
  if (uses.includes('SCMP_ACT_NOTIFY'))
    throw new SyscribeError('ERR_FILTER', 'SCMP_ACT_NOTIFY needs a listener, and run has none', {
      remedy: 'Run it in a container with an agent at listenerPath, or use another action.',
    });
  const defaultAction = actionNumber(profile.defaultAction, profile.defaultErrnoRet);
  const rules = profile.syscalls.flatMap((rule) => rulesOf(rule, defaultAction));
  try {
    const built = native().buildFilter({ defaultAction, architectures: abis.map((abi) => TOKENS[abi]), rules });
    const permissive = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG'].includes(profile.defaultAction);
    const stub =
      permissive || profile.defaultErrnoRet === ENOSYS ? Buffer.alloc(0) : enosysStub(newestNamed(profile, abis));
    const program = Buffer.concat([stub, built.program]);
    if (program.length / INSTRUCTION_SIZE > MAX_INSTRUCTIONS)
      throw new SyscribeError('ERR_FILTER', `the filter has more than ${MAX_INSTRUCTIONS} instructions`, {
        remedy: 'Use fewer rules with arguments.',
      });
    return {
      program,
      flags: profile.flags.reduce((flags, flag) => flags | (FLAGS[flag] ?? 0), FILTER_FLAG_LOG),
      unknown: [...new Set(built.unknown.map((index) => rules[index]?.name ?? ''))],
    };
  } catch (error) {
    if (!isNativeFailure(error)) throw error;
    throw new SyscribeError('ERR_FILTER', `libseccomp cannot make a filter of this profile (${error.operation})`, {
      cause: error,
    });
  }
}

/** The filter that allows every call of every architecture and logs it. */
export function logEverything(): Pick<CompiledFilter, 'program' | 'flags'> {
  return { program: instruction(BPF.return, SECCOMP_RET_LOG), flags: FILTER_FLAG_LOG };
}
