import type { Profile, SyscallArg, SyscallRule } from './model.ts';

const SIGNS = {
  SCMP_CMP_NE: '!=',
  SCMP_CMP_LT: '<',
  SCMP_CMP_LE: '<=',
  SCMP_CMP_EQ: '==',
  SCMP_CMP_GE: '>=',
  SCMP_CMP_GT: '>',
} as const;

/** Small numbers are counts and families, large ones masks and flags. */
function number(value: bigint): string {
  return value < 1024n ? `${value}` : `0x${value.toString(16)}`;
}

function describeArg({ index, op, value, valueTwo }: SyscallArg): string {
  if (op === 'SCMP_CMP_MASKED_EQ') return `arg${index} & ${number(value)} == ${number(valueTwo)}`;
  return `arg${index} ${SIGNS[op]} ${number(value)}`;
}

/** A rule without its names, as a person says it: `SCMP_ACT_ERRNO(38) if arg0 == 1 and arg1 & 0x7 == 0x2`. */
export function describeRule({ action, errnoRet, args }: SyscallRule): string {
  const what = errnoRet === undefined ? action : `${action}(${errnoRet})`;
  if (args === undefined || args.length === 0) return what;
  const indexes = new Set(args.map((arg) => arg.index));
  // Runtimes take two tests of one argument for alternatives.
  return `${what} if ${args.map(describeArg).join(indexes.size === args.length ? ' and ' : ' or ')}`;
}

/** What happens to calls that no rule names. */
export function describeDefault({ defaultAction, defaultErrnoRet }: Profile): string {
  return defaultErrnoRet === undefined ? defaultAction : `${defaultAction}(${defaultErrnoRet})`;
}
