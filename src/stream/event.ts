import type { ApparmorPart, ProcessPart, SeccompPart, SelinuxPart } from '../capture/audit/event.ts';
import type { Container } from '../container/container.ts';

/** One event of the enriched stream: the shape of its JSON, one object a line. Absent parts are left out. */
export interface EnrichedEvent {
  /** ISO 8601 in UTC, with milliseconds. */
  readonly time: string;
  readonly serial: number;
  /** Absent for the first record of a kind in an event. */
  readonly part?: number;
  readonly type: 'seccomp' | 'selinux' | 'apparmor';
  readonly node: string;
  readonly container?: Container;
  readonly process?: ProcessPart;
  readonly seccomp?: SeccompPart;
  readonly selinux?: SelinuxPart;
  readonly apparmor?: ApparmorPart;
}
