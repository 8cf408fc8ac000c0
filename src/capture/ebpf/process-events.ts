/** Decoders for the structs of bpf/processes.h, which asserts the same sizes. */

const PROCESS_EVENT_SIZE = 32;
const CGROUP_EVENT_SIZE = 160;
const KINDS = ['born', 'moved', 'cgroup'] as const;

export interface ProcessEvent {
  readonly kind: (typeof KINDS)[number];
  readonly pid: number;
  /** kernfs id, unique in its hierarchy. */
  readonly cgroup: number;
  /** Milliseconds on the boot clock. */
  readonly time: number;
  /** `cgroup`: the cgroup that it was made in. */
  readonly parent: number;
  /** `cgroup`: its name; empty where the kernel could not read it. */
  readonly name: string;
}

export function* decodeProcessEvents(buffer: Buffer): Generator<ProcessEvent> {
  for (let at = 0; at + PROCESS_EVENT_SIZE <= buffer.length; ) {
    const kind = KINDS[buffer.readUInt32LE(at)];
    if (kind === undefined) return; // Sizes go by kind: nothing behind it can be read.
    const named = kind === 'cgroup';
    yield {
      kind,
      pid: buffer.readUInt32LE(at + 4),
      cgroup: u64(buffer, at + 8),
      parent: u64(buffer, at + 16),
      time: u64(buffer, at + 24) / 1e6,
      name: named ? nameAt(buffer, at + PROCESS_EVENT_SIZE, at + CGROUP_EVENT_SIZE) : '',
    };
    at += named ? CGROUP_EVENT_SIZE : PROCESS_EVENT_SIZE;
  }
}

/** Exact up to 2^53: ids of cgroups are counted up from 1, nanoseconds reach it after 104 days to within 1. */
function u64(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at) + buffer.readUInt32LE(at + 4) * 2 ** 32;
}

function nameAt(buffer: Buffer, start: number, end: number): string {
  const zero = buffer.indexOf(0, start);
  return buffer.toString('utf8', start, zero === -1 ? end : Math.min(zero, end));
}
