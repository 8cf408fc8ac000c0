/** A system call interface: which table a number belongs to. */
export type Abi = 'x86_64' | 'i386' | 'x32' | 'aarch64' | 'arm';

/** Machines that are supported, in uname(1)'s words. */
export type Machine = 'x86_64' | 'aarch64';

export type SeccompArchitecture =
  | 'SCMP_ARCH_X86_64'
  | 'SCMP_ARCH_X86'
  | 'SCMP_ARCH_X32'
  | 'SCMP_ARCH_AARCH64'
  | 'SCMP_ARCH_ARM';

/** The machine that this runs on. */
export function machine(): Machine {
  return process.arch === 'arm64' ? 'aarch64' : 'x86_64';
}

/** What the OCI runtime specification calls the architecture of each. */
export const SECCOMP_ARCH: Readonly<Record<Abi, SeccompArchitecture>> = {
  x86_64: 'SCMP_ARCH_X86_64',
  i386: 'SCMP_ARCH_X86',
  x32: 'SCMP_ARCH_X32',
  aarch64: 'SCMP_ARCH_AARCH64',
  arm: 'SCMP_ARCH_ARM',
};

/** The interfaces of a machine: its own, its 32-bit one, and x32 where the architecture has it. */
export function machineAbis(machine: Machine): { readonly native: Abi; readonly compat: Abi; readonly x32?: Abi } {
  return machine === 'x86_64' ? { native: 'x86_64', compat: 'i386', x32: 'x32' } : { native: 'aarch64', compat: 'arm' };
}
