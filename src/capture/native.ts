import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { SyscribeError } from '../platform/errors.ts';

/** A loaded BPF object; opaque. */
export type NativeRecorder = object & { readonly __recorder: unique symbol };
export type NativeChild = object & { readonly __child: unique symbol };
type NativeSignals = object & { readonly __signals: unique symbol };
export type NativeProcesses = object & { readonly __processes: unique symbol };
export type NativeAudit = object & { readonly __audit: unique symbol };

export interface LoadOptions {
  readonly slots: number;
  /** Cgroups that can be members for one slot at once; each slot has room of its own. */
  readonly slotMembers: number;
  /** Cgroups above those with a slot that can be members at once. */
  readonly parents: number;
  /** Size of the event ring: a power of two of at least one page. */
  readonly ringBytes: number;
  /** Number of the cgroup hierarchy that the roots live in, as in /proc/PID/cgroup; 0 is v2. */
  readonly hierarchy: number;
  /** A v1 controller of that hierarchy; empty for v2. */
  readonly controller: string;
  /** Inode number of the host's mount namespace. */
  readonly hostMountNamespace: number;
  readonly reportProcesses: boolean;
  /** Keep the names of cgroups that have a slot; not to be had under lockdown's confidentiality mode. */
  readonly nameCgroups: boolean;
  /** For tests: the first so many tags fail as if memory were short. */
  readonly failTags: number;
  /** A directory of a bpffs in which maps and links outlive this process; empty: nothing does. */
  readonly pin: string;
}

export interface Member {
  readonly slot: number;
  readonly generation: number;
  /** 0: tasks of this cgroup and those below belong to `slot`; n: slots are handed out n levels below. */
  readonly levels: number;
  /** 1: an exec in the host's mount namespace is the workload too. */
  readonly anyMountNamespace: number;
}

export interface StartOptions {
  /** Candidates for the executable, tried in order. */
  readonly files: readonly string[];
  readonly argv: readonly string[];
  /** `NAME=value` strings. */
  readonly env: readonly string[];
  readonly changeUser: boolean;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** A classic BPF program (struct sock_filter[]), loaded last before exec. */
  readonly filter: Buffer | null;
  readonly filterFlags: number;
  readonly noNewPrivileges: boolean;
  /** Begins an audit session of its own; 0xffffffff: stays in this process's. */
  readonly loginUid: number;
}

interface ProcessesOptions {
  /** As in /proc/PID/cgroup; 0 is v2. */
  readonly hierarchy: number;
  /** A v1 controller of the hierarchy, empty for v2. */
  readonly controller: string;
  /** A power of two and whole pages. */
  readonly ringBytes: number;
}

/** What the kernel says of its audit subsystem: struct audit_status of linux/audit.h. */
export interface AuditStatus {
  readonly enabled: number;
  readonly failure: number;
  /** auditd's; 0 when none runs. */
  readonly pid: number;
  /** Records per second; 0: no limit. */
  readonly rateLimit: number;
  readonly backlogLimit: number;
  /** Records that the kernel could not keep, since boot or since somebody reset it. */
  readonly lost: number;
  readonly backlog: number;
}

/** What the child was doing when it failed; `enum stage` of native/process.c. */
export const STAGES = ['none', 'user', 'find', 'filter', 'exec', 'session'] as const;

export interface FilterRule {
  readonly name: string;
  readonly action: number;
  readonly args: readonly { index: number; op: number; value: bigint; valueTwo: bigint }[];
}

/** The addon's functions, in the order of its files. They throw errors that carry `operation` and `errno`. */
export interface Native {
  load(options: LoadOptions): NativeRecorder;
  close(recorder: NativeRecorder): void;
  walk(recorder: NativeRecorder): Buffer;
  attach(recorder: NativeRecorder, program: string): void;
  detach(recorder: NativeRecorder, program: string): void;
  misses(recorder: NativeRecorder, program: string): number;
  claimSlot(recorder: NativeRecorder): number | undefined;
  keepSlot(recorder: NativeRecorder, slot: number): void;
  freeSlot(recorder: NativeRecorder, slot: number): void;
  seen(recorder: NativeRecorder, slot: number): Buffer;
  state(recorder: NativeRecorder, slot: number): Buffer;
  slotCgroup(recorder: NativeRecorder, slot: number): Buffer | undefined;
  nameSlot(recorder: NativeRecorder, slot: number, cgroup: bigint, name: string, parent: string): void;
  counters(recorder: NativeRecorder): Buffer;
  tagProcess(recorder: NativeRecorder, pidfd: number, slot: number): void;
  setRoot(recorder: NativeRecorder, tgid: number, slot: number): void;
  setArmed(recorder: NativeRecorder, armed: 0 | 1): void;
  addMember(recorder: NativeRecorder, cgroup: bigint, member: Member): boolean;
  isMember(recorder: NativeRecorder, cgroup: bigint): boolean;
  listen(recorder: NativeRecorder, callback: (events: Buffer) => void): void;
  drain(recorder: NativeRecorder): void;
  start(
    options: StartOptions,
    onExec: (stage: number, errno: number) => void,
    onExit: (code: number, signal: number) => void,
  ): { child: NativeChild; pid: number; pidfd: number };
  go(child: NativeChild): void;
  kill(child: NativeChild, signal: number): boolean;
  release(child: NativeChild): void;
  processGroup(pid: number): number;
  openProcesses(options: ProcessesOptions, callback: (events: Buffer) => void): NativeProcesses;
  closeProcesses(processes: NativeProcesses): void;
  drainProcesses(processes: NativeProcesses): void;
  lostProcesses(processes: NativeProcesses): number;
  bootTime(): number;
  auditTime(): number;
  watchSignals(numbers: readonly number[], callback: (number: number, fromKernel: boolean) => void): NativeSignals;
  unwatchSignals(signals: NativeSignals): void;
  openAudit(receiveBuffer: number, callback: (records: Buffer, overflows: number) => void): NativeAudit;
  closeAudit(audit: NativeAudit): void;
  drainAudit(audit: NativeAudit): void;
  auditStatus(): AuditStatus;
  buildFilter(options: { defaultAction: number; architectures: readonly number[]; rules: readonly FilterRule[] }): {
    program: Buffer;
    unknown: number[];
  };
  unmapPages(start: bigint, end: bigint): void;
}

/** What the addon's errors carry. */
export interface NativeFailure extends Error {
  readonly operation: string;
  readonly errno: number;
  /** What libbpf printed, the verifier's lines among it. */
  readonly log?: string;
}

export function isNativeFailure(error: unknown): error is NativeFailure {
  return error instanceof Error && 'operation' in error && 'errno' in error;
}

let loaded: Native | undefined;

/**
 * The addon for this platform, from `prebuilds/` beside `dist/` or `src/`.
 * @throws SyscribeError ERR_NATIVE_MISSING when there is none or it cannot be loaded.
 */
export function native(): Native {
  if (loaded) return loaded;
  const platform = `${process.platform}-${process.arch}`;
  const file = fileURLToPath(new URL(`../../prebuilds/${platform}/syscribe.node`, import.meta.url));
  try {
    loaded = createRequire(import.meta.url)(file) as Native;
  } catch (cause) {
    throw new SyscribeError('ERR_NATIVE_MISSING', `cannot load the native part for ${platform}`, {
      cause,
      remedy: 'In a checkout run `make build`; prebuilt ones exist for linux-x64 and linux-arm64 with glibc.',
    });
  }
  return loaded;
}
