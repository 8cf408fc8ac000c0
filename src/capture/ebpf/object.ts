import { readFileSync, readlinkSync } from 'node:fs';
import { release } from 'node:os';
import { SyscribeError } from '../../platform/errors.ts';
import { isNativeFailure, type LoadOptions, type Member, type NativeRecorder, native } from '../native.ts';
import {
  type Call,
  type Counters,
  decodeCounters,
  decodeEvents,
  decodeFound,
  decodeOverflow,
  decodeSeen,
  decodeSlotCgroup,
  decodeState,
  type Found,
  type KernelEvent,
  type SlotCgroup,
  type SlotState,
} from './layout.ts';
import { describeLoadFailure, requireBtf } from './load-failure.ts';

const ENTER = 'syscribe_enter';
const AGAIN = 'syscribe_again';

/**
 * Whether tracepoint programs can be preempted, and so keep others on their CPU from running: from Linux 7 on. Asked by
 * version since nothing in BTF tells it.
 */
const PREEMPTIBLE = Number.parseInt(release(), 10) >= 7;

/** Programs by what they are needed for, in the order in which they are attached. */
const PROGRAMS = {
  tasks: ['syscribe_exit', 'syscribe_exec', 'syscribe_fork'],
  cgroups: ['syscribe_rmdir', 'syscribe_mkdir', 'syscribe_attach'],
  calls: [ENTER, ...(PREEMPTIBLE ? [AGAIN] : [])],
};
export type Part = keyof typeof PROGRAMS;

const DEFAULTS = {
  slots: 1,
  slotMembers: 4096,
  parents: 16,
  ringBytes: 1 << 18,
  hierarchy: 0,
  controller: '',
  reportProcesses: false,
  nameCgroups: false,
  failTags: 0,
  pin: '',
} satisfies Omit<LoadOptions, 'hostMountNamespace'>;

export type BpfOptions = Partial<LoadOptions>;

/**
 * The kernel part of a recorder: loaded when made, attached by {@link attach}, gone after {@link close}. Unless it is
 * pinned, the kernel takes all of it away when this process ends, however it ends.
 */
export class BpfRecorder implements Disposable {
  readonly #handle: NativeRecorder;

  /** @throws SyscribeError ERR_BPF_UNSUPPORTED, ERR_BPF_PERMISSION or ERR_BPF_LOAD, each with its remedy. */
  constructor(options: BpfOptions = {}) {
    requireBtf();
    try {
      this.#handle = native().load({
        hostMountNamespace: hostMountNamespace() ?? mountNamespaceOf('self') ?? 0,
        ...DEFAULTS,
        ...options,
      });
    } catch (error) {
      throw isNativeFailure(error) ? describeLoadFailure(error) : error;
    }
  }

  attach(parts: readonly Part[]): void {
    for (const program of parts.flatMap((part) => PROGRAMS[part])) {
      try {
        native().attach(this.#handle, program);
      } catch (error) {
        throw isNativeFailure(error) ? describeLoadFailure(error) : error;
      }
    }
    if (parts.includes('calls')) native().setArmed(this.#handle, 1);
  }

  detach(parts: readonly Part[]): void {
    if (parts.includes('calls')) native().setArmed(this.#handle, 0);
    for (const program of parts.flatMap((part) => PROGRAMS[part])) native().detach(this.#handle, program);
  }

  listen(onEvent: (event: KernelEvent) => void): void {
    native().listen(this.#handle, (buffer) => {
      for (const event of decodeEvents(buffer)) onEvent(event);
    });
  }

  /** Delivers the events that are waiting now. */
  drain(): void {
    native().drain(this.#handle);
  }

  /** Takes a free slot, for as long as this process lives if it is not {@link keepSlot | kept}. */
  claimSlot(): number | undefined {
    return native().claimSlot(this.#handle);
  }

  /** What is recorded in it is complete: where it is pinned, the slot stays taken behind this process's end. */
  keepSlot(slot: number): void {
    native().keepSlot(this.#handle, slot);
  }

  /**
   * Ends the slot's recording: tags of it write no more, its cgroups are no members, what it holds is erased, and it can be
   * used again.
   */
  freeSlot(slot: number): void {
    native().freeSlot(this.#handle, slot);
  }

  /** @throws SyscribeError ERR_BPF_LOAD when the kernel could not store the tag. */
  tagProcess(pidfd: number, slot: number): void {
    try {
      native().tagProcess(this.#handle, pidfd, slot);
    } catch (error) {
      if (!isNativeFailure(error)) throw error;
      throw new SyscribeError('ERR_BPF_LOAD', `the kernel could not tag the command: ${error.message}`, {
        remedy: 'Free some memory; Linux 7 and newer also need a processor with cmpxchg16b for this.',
      });
    }
  }

  /** @returns false when it is a member already, or the slot has no room for it, which {@link state} counts. */
  addMember(cgroup: bigint, member: Member): boolean {
    return native().addMember(this.#handle, cgroup, member);
  }

  isMember(cgroup: bigint): boolean {
    return native().isMember(this.#handle, cgroup);
  }

  /** Tags what should be tagged and is not; `pid` with its children too. Repeats until a pass finds nothing new. */
  adopt(slot: number, pid = 0): void {
    native().setRoot(this.#handle, pid, slot);
    while (this.walk().some((found) => found.adopted)) {
      /* A child may be met before its parent, and either may fork meanwhile. */
    }
    native().setRoot(this.#handle, 0, slot);
  }

  walk(): Found[] {
    return [...decodeFound(native().walk(this.#handle))];
  }

  calls(slot: number): Call[] {
    return [...decodeSeen(native().seen(this.#handle, slot)), ...decodeOverflow(native().state(this.#handle, slot))];
  }

  state(slot: number): SlotState {
    return decodeState(native().state(this.#handle, slot));
  }

  /** @returns undefined for a slot that was handed out for none. */
  slotCgroup(slot: number): SlotCgroup | undefined {
    const buffer = native().slotCgroup(this.#handle, slot);
    return buffer && decodeSlotCgroup(buffer);
  }

  nameSlot(slot: number, cgroup: bigint, name: string, parent: string): void {
    native().nameSlot(this.#handle, slot, cgroup, name, parent);
  }

  counters(): Counters {
    return decodeCounters(native().counters(this.#handle));
  }

  /**
   * Calls and lifecycle events that the kernel may have kept from us since a program was already running on that CPU. A
   * call is missed only if both programs on it were skipped, so the lesser count is the most that can be missed.
   */
  misses(): number {
    const of = (program: string) => native().misses(this.#handle, program);
    const calls = PREEMPTIBLE ? Math.min(of(ENTER), of(AGAIN)) : of(ENTER);
    return [...PROGRAMS.tasks, ...PROGRAMS.cgroups].reduce((sum, program) => sum + of(program), calls);
  }

  close(): void {
    native().close(this.#handle);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Inode number of the host's mount namespace, in which container runtimes work: init's, or the kernel threads' where init's
 * may not be read (that takes CAP_SYS_PTRACE, and more where init has rights that we have not).
 */
export function hostMountNamespace(): number | undefined {
  return mountNamespaceOf('1') ?? (isKernelThread('2') ? mountNamespaceOf('2') : undefined);
}

function mountNamespaceOf(pid: string): number | undefined {
  try {
    const inode = /\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/ns/mnt`))?.[1];
    return inode === undefined ? undefined : Number(inode);
  } catch {
    return undefined;
  }
}

/** Of the initial process namespace: elsewhere, number 2 is anybody's. */
function isKernelThread(pid: string): boolean {
  try {
    return (
      readFileSync(`/proc/${pid}/comm`, 'utf8') === 'kthreadd\n' && readFileSync(`/proc/${pid}/cmdline`).length === 0
    );
  } catch {
    return false;
  }
}
