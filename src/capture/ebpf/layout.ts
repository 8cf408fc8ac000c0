/**
 * Decoders for the structs of bpf/record.h, which asserts the same sizes. Little-endian: the architectures supported
 * (x86_64, aarch64) are.
 */

export const NR_MAX = 1024;
const PHASES = ['workload', 'runtime'] as const;
type Phase = (typeof PHASES)[number];
/** Index of the number's table: the machine's own, its 32-bit one, x32. */
const ABI_INDEXES = ['native', 'compat', 'x32'] as const;
export type AbiIndex = (typeof ABI_INDEXES)[number];

export const SEEN_SIZE = PHASES.length * ABI_INDEXES.length * NR_MAX;
export const STATE_SIZE = 216;
export const EVENT_SIZE = 56;
/** Of `slot_state.overflow`. */
export const OVERFLOW_AT = 88;
const FOUND_SIZE = 16;

/** A member's slot where it has none. */
export const NO_SLOT = 0xffffffff;
export const SLOT_CGROUP_SIZE = 288;
const CGROUP_NAME_MAX = 128;

const EVENT_KINDS = ['seen', 'idle', 'rescan', 'process', 'cgroup', 'gone', 'pod'] as const;

export interface Call {
  readonly phase: Phase;
  readonly abi: AbiIndex;
  readonly nr: number;
}

export interface KernelEvent {
  readonly kind: (typeof EVENT_KINDS)[number];
  readonly slot: number;
  readonly generation: number;
  readonly phase: Phase;
  readonly abi: AbiIndex;
  /** `seen`: the number; `cgroup`, `gone`, `pod`: the cgroup's id. */
  readonly value: bigint;
  /** Nanoseconds on the boot clock. */
  readonly time: bigint;
  readonly tgid: number;
  readonly tid: number;
  readonly comm: string;
}

export interface SlotState {
  readonly generation: number;
  readonly live: number;
  /** Cgroups that are members for it. */
  readonly members: number;
  readonly processes: number;
  readonly execs: number;
  readonly lostEvents: number;
  readonly untagged: number;
  readonly movedThreads: number;
  readonly overflowLost: number;
  readonly seeded: number;
  readonly hostExecs: number;
  /** Cgroups that found no room among its members. */
  readonly membersFull: number;
}

/** The cgroup that a slot was handed out for. */
export interface SlotCgroup {
  /** kernfs id. */
  readonly id: bigint;
  /** Nanoseconds on the boot clock at which it was made; 0n: before anything was attached. */
  readonly born: bigint;
  /** Nanoseconds on the boot clock at which its directory was removed; 0n: not yet. */
  readonly dead: bigint;
  readonly generation: number;
  readonly name: string;
  readonly parent: string;
}

export interface Counters {
  readonly noSlot: number;
  readonly membersFull: number;
  readonly busy: number;
  readonly unremoved: number;
}

/** A tagged process (its leader), or a task that the walk has just tagged. */
export interface Found {
  readonly tgid: number;
  readonly slot: number;
  readonly generation: number;
  readonly phase: Phase;
  readonly adopted: boolean;
}

function phaseAt(index: number): Phase {
  return PHASES[index] ?? 'workload';
}

function abiAt(index: number): AbiIndex {
  return ABI_INDEXES[index] ?? 'native';
}

function text(buffer: Buffer, start: number, size: number): string {
  const end = buffer.indexOf(0, start);
  return buffer.toString('utf8', start, end === -1 || end > start + size ? start + size : end);
}

export function* decodeEvents(buffer: Buffer): Generator<KernelEvent> {
  for (let at = 0; at + EVENT_SIZE <= buffer.length; at += EVENT_SIZE) {
    const kind = EVENT_KINDS[buffer.readUInt32LE(at)];
    if (kind === undefined) continue;
    yield {
      kind,
      slot: buffer.readUInt32LE(at + 4),
      generation: buffer.readUInt32LE(at + 8),
      abi: abiAt(buffer.readUInt16LE(at + 12)),
      phase: phaseAt(buffer.readUInt16LE(at + 14)),
      value: buffer.readBigUInt64LE(at + 16),
      time: buffer.readBigUInt64LE(at + 24),
      tgid: buffer.readUInt32LE(at + 32),
      tid: buffer.readUInt32LE(at + 36),
      comm: text(buffer, at + 40, 16),
    };
  }
}

/** The calls whose byte is set. */
export function* decodeSeen(buffer: Buffer): Generator<Call> {
  for (let at = buffer.indexOf(1); at !== -1; at = buffer.indexOf(1, at + 1)) {
    const table = Math.floor(at / NR_MAX);
    yield {
      phase: phaseAt(Math.floor(table / ABI_INDEXES.length)),
      abi: abiAt(table % ABI_INDEXES.length),
      nr: at % NR_MAX,
    };
  }
}

/** Numbers off the table, of a slot's state; a negative number is what the workload passed, as signed. */
export function* decodeOverflow(state: Buffer): Generator<Call> {
  for (let at = OVERFLOW_AT; at + 8 <= state.length && state.readBigUInt64LE(at) !== 0n; at += 8)
    yield {
      phase: phaseAt(state.readUInt8(at + 5)),
      abi: abiAt(state.readUInt8(at + 4)),
      nr: state.readInt32LE(at),
    };
}

export function decodeState(buffer: Buffer): SlotState {
  const count = (index: number) => Number(buffer.readBigUInt64LE(16 + 8 * index));
  return {
    generation: buffer.readUInt32LE(0),
    live: buffer.readInt32LE(8),
    members: buffer.readUInt32LE(12),
    processes: count(0),
    execs: count(1),
    lostEvents: count(2),
    untagged: count(3),
    movedThreads: count(4),
    overflowLost: count(5),
    seeded: count(6),
    hostExecs: count(7),
    membersFull: count(8),
  };
}

export function decodeSlotCgroup(buffer: Buffer): SlotCgroup {
  return {
    id: buffer.readBigUInt64LE(0),
    born: buffer.readBigUInt64LE(8),
    dead: buffer.readBigUInt64LE(16),
    generation: buffer.readUInt32LE(24),
    name: text(buffer, 32, CGROUP_NAME_MAX),
    parent: text(buffer, 32 + CGROUP_NAME_MAX, CGROUP_NAME_MAX),
  };
}

export function decodeCounters(buffer: Buffer): Counters {
  const at = (index: number) => Number(buffer.readBigUInt64LE(index * 8));
  return { noSlot: at(0), membersFull: at(1), busy: at(2), unremoved: at(3) };
}

export function* decodeFound(buffer: Buffer): Generator<Found> {
  for (let at = 0; at + FOUND_SIZE <= buffer.length; at += FOUND_SIZE) {
    yield {
      tgid: buffer.readUInt32LE(at),
      slot: buffer.readUInt32LE(at + 4),
      generation: buffer.readUInt32LE(at + 8),
      phase: phaseAt(buffer.readUInt16LE(at + 12)),
      adopted: buffer.readUInt16LE(at + 14) === 1,
    };
  }
}
