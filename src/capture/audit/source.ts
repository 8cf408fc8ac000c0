import type { AuditEvent } from './event.ts';
import type { Continuation } from './log-file.ts';

/** Events in the order in which they were read, and how far that was. */
export interface AuditBatch {
  readonly events: readonly AuditEvent[];
  /** Where to begin again such that nothing behind these events is missed; sources that cannot go back have none. */
  readonly position?: Continuation;
}

/** What a source has read and what it knows that it has not. Numbers only grow. */
export interface SourceCounts {
  readonly lines: number;
  readonly parsed: number;
  readonly unparsed: number;
  /** Events whose serial numbers never came. */
  readonly gaps: number;
  /** Those that have not come though later ones have: mostly gaps that do not count as such yet. Unlike all else, it falls too. */
  readonly pending: number;
  /** How often a socket was full and records were lost; how many is told by `gaps`. */
  readonly overflows: number;
  /** Events that were dropped since their reader was too slow. */
  readonly dropped: number;
  /** Times at which a file was cut off or a position not found, so that lines may be missing. */
  readonly breaks: number;
  /** The first and the highest serial number that was read; -1 before there is one. */
  readonly firstSerial: number;
  readonly lastSerial: number;
}

/** A place that audit records come from. */
export interface AuditSource {
  readonly kind: 'file' | 'netlink' | 'syslog' | 'auto';
  /** For people: what is read. */
  readonly label: string;
  /** Gives batches as they come until `signal` aborts, or the end of a source that is read once. */
  read(signal: AbortSignal): AsyncGenerator<AuditBatch>;
  counts(): SourceCounts;
}
