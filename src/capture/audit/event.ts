import type { SeccompAction } from '../../kernel/audit.ts';

/** The process behind an event, as far as the records tell. Ids that are unset ((uid_t)-1) are left out. */
export interface ProcessPart {
  readonly pid: number;
  uid?: number;
  gid?: number;
  auid?: number;
  comm?: string;
  exe?: string;
}

export interface SeccompPart {
  /** Absent where the architecture's table is not known, or the number is not in it. */
  readonly syscall?: string;
  /** As passed; x32 without bit 30. */
  readonly number: number;
  /** uname(1)'s word for the architecture of the call; the audit number in hexadecimal for an unknown one. */
  readonly arch: string;
  readonly action: SeccompAction | `0x${string}`;
}

export interface SelinuxPart {
  readonly verdict: 'denied' | 'granted';
  readonly permissions: readonly string[];
  readonly class: string;
  readonly scontext: string;
  readonly tcontext: string;
  readonly permissive?: boolean;
  path?: string;
}

export interface ApparmorPart {
  readonly verdict: string;
  readonly operation?: string;
  readonly profile?: string;
  readonly name?: string;
  readonly requested?: string;
  readonly denied?: string;
  readonly capability?: string;
  readonly family?: string;
  readonly sockType?: string;
  readonly peer?: string;
}

export interface AuditEvent {
  readonly type: 'seccomp' | 'selinux' | 'apparmor';
  /** Milliseconds since the epoch, by the kernel's coarse clock: up to one tick (10 ms) before the true time. */
  readonly time: number;
  /** The kernel's number of the event; with `time` it tells a duplicate. */
  readonly serial: number;
  /** 0; the next numbers where one event has several such records. */
  readonly part: number;
  readonly process?: ProcessPart;
  /** The audit session, 0xffffffff where unset. */
  readonly session?: number;
  readonly seccomp?: SeccompPart;
  readonly selinux?: SelinuxPart;
  readonly apparmor?: ApparmorPart;
}
