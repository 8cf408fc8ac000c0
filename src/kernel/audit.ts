import type { Abi } from './abi.ts';

const X32_BIT = 0x40000000;

/** AUDIT_ARCH_* of linux/audit.h for the tables that are known; x32 has x86_64's and is told by bit 30 of the number. */
export const AUDIT_ARCH = { x86_64: 0xc000003e, i386: 0x40000003, aarch64: 0xc00000b7, arm: 0x40000028 } as const;

const ABIS = new Map<number, Abi>(Object.entries(AUDIT_ARCH).map(([abi, arch]) => [arch, abi as Abi]));

/** The same for architectures without a table here: calls are told by number. */
const OTHERS = new Map<number, string>([
  [0x80000015, 'ppc64'],
  [0xc0000015, 'ppc64le'],
  [0x00000014, 'ppc'],
  [0x80000016, 's390x'],
  [0x00000016, 's390'],
  [0xc00000f3, 'riscv64'],
  [0x400000f3, 'riscv32'],
  [0xc0000102, 'loongarch64'],
  [0x00000008, 'mips'],
  [0x40000008, 'mipsel'],
  [0x80000008, 'mips64'],
  [0xc0000008, 'mips64el'],
]);

/** The table and number of a logged call; undefined for an architecture whose table is not known. */
export function auditedCall(arch: number, nr: number): { readonly abi: Abi; readonly nr: number } | undefined {
  const abi = ABIS.get(arch);
  if (abi === undefined) return undefined;
  const isX32 = abi === 'x86_64' && (nr & X32_BIT) !== 0;
  return isX32 ? { abi: 'x32', nr: nr & ~X32_BIT } : { abi, nr };
}

/** What uname(1) calls the architecture of an AUDIT_ARCH_* number; the number itself where no name is known. */
export function auditArchName(arch: number): string {
  return ABIS.get(arch) ?? OTHERS.get(arch) ?? `0x${arch.toString(16)}`;
}

/** What seccomp did, in the words of kernel.seccomp.actions_logged. */

export type SeccompAction = 'kill_process' | 'kill_thread' | 'trap' | 'errno' | 'user_notif' | 'trace' | 'log';

const ACTIONS = new Map<number, SeccompAction>([
  [0x80000000, 'kill_process'],
  [0x00000000, 'kill_thread'],
  [0x00030000, 'trap'],
  [0x00050000, 'errno'],
  [0x7fc00000, 'user_notif'],
  [0x7ff00000, 'trace'],
  [0x7ffc0000, 'log'],
]);

/** The action of a record's `code`: SECCOMP_RET_* with or without its data. */
export function auditedAction(code: number): SeccompAction | `0x${string}` {
  const action = (code & 0xffff0000) >>> 0;
  return ACTIONS.get(action) ?? `0x${action.toString(16)}`;
}

/** uid_t, auid and ses of nobody. */
export const UNSET_ID = 0xffffffff;
