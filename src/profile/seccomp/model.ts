/** From the strictest to the least strict, as the Security Profiles Operator ranks them; KILL is KILL_THREAD's old name. */
export const ACTIONS = [
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_NOTIFY',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_LOG',
  'SCMP_ACT_ALLOW',
] as const;
export type Action = (typeof ACTIONS)[number];

export const OPERATORS = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
] as const;
type Operator = (typeof OPERATORS)[number];

export const FLAGS = [
  'SECCOMP_FILTER_FLAG_TSYNC',
  'SECCOMP_FILTER_FLAG_LOG',
  'SECCOMP_FILTER_FLAG_SPEC_ALLOW',
  'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV',
] as const;

/** What the SeccompProfile resource may list. */
export const RESOURCE_ARCHITECTURES: readonly string[] = [
  ...['NATIVE', 'X86', 'X86_64', 'X32', 'ARM', 'AARCH64', 'MIPS', 'MIPS64', 'MIPS64N32', 'MIPSEL', 'MIPSEL64'],
  ...['MIPSEL64N32', 'PPC', 'PPC64', 'PPC64LE', 'S390', 'S390X', 'PARISC', 'PARISC64', 'RISCV64'],
].map((name) => `SCMP_ARCH_${name}`);

/** The OCI runtime specification's list. */
export const ARCHITECTURES: readonly string[] = [
  ...RESOURCE_ARCHITECTURES,
  ...['LOONGARCH64', 'M68K', 'SH', 'SHEB'].map((name) => `SCMP_ARCH_${name}`),
];

/** What SCMP_ACT_ERRNO returns where no number is given (runc and crun). */
export const EPERM = 1;

/** A test of one of the six arguments, as unsigned 64-bit numbers. */
export interface SyscallArg {
  readonly index: number;
  readonly op: Operator;
  readonly value: bigint;
  /** SCMP_CMP_MASKED_EQ alone uses it: (argument & value) == valueTwo. */
  readonly valueTwo: bigint;
}

export interface SyscallRule {
  readonly names: readonly string[];
  readonly action: Action;
  /** Runtimes take EPERM where it is absent. */
  readonly errnoRet?: number;
  /** All must hold; absent or empty: always. */
  readonly args?: readonly SyscallArg[];
}

/** How a SeccompProfile resource comes to be enforced: no part of what it says. */
export interface RolloutSettings {
  readonly mode?: 'Audit' | 'Enforce';
  readonly promoteAfter?: string;
  readonly minContainers?: number;
  readonly minNodes?: number;
}

/** A seccomp profile, whatever it was read from. */
export interface Profile {
  /** metadata of a SeccompProfile resource; a raw profile has none. */
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly state?: 'Disabled';
  readonly rollout?: RolloutSettings;
  /** Another resource (or oci:// artifact) whose calls are added when it is installed. */
  readonly baseProfileName?: string;
  readonly defaultAction: Action;
  /** Raw profiles only: the resource has no such field. */
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly flags: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls: readonly SyscallRule[];
}

export const API_GROUP = 'security-profiles-operator.x-k8s.io';
export const KIND = 'SeccompProfile';

/** What a profile was read from: a SeccompProfile for Kubernetes, or what OCI runtimes, Docker and Podman read. */
export type Form = 'custom-resource' | 'raw';
