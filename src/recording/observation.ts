import type { Counters, Found, SlotState } from '../capture/ebpf/layout.ts';
import type { Abi } from '../kernel/abi.ts';
import { syscallName } from '../kernel/syscalls.ts';

/** A call that was seen, and who made it first (absent where the event was lost or the task was in it already). */
export interface ObservedCall {
  readonly abi: Abi;
  readonly nr: number;
  /**
   * `runtime`: between the container runtime's loading of the seccomp filter and the workload's exec. `denied`: the
   * profile that the workload already has refused it, so that it never came to the call.
   */
  readonly phase: 'workload' | 'runtime' | 'denied';
  readonly first?: FirstSeen;
}

export interface FirstSeen {
  readonly pid: number;
  readonly comm: string;
  readonly time: Date;
}

/** Why a recording is not complete. */
export interface Reason {
  readonly code:
    | 'began-late'
    | 'still-running'
    | 'untagged'
    | 'moved-threads'
    | 'skipped'
    | 'overflow'
    | 'busy'
    | 'no-slot'
    | 'members-full'
    | 'not-executed'
    | 'host-only'
    | 'unnamed'
    | 'denied'
    | 'log-lost'
    | 'log-unknown'
    | 'log-only';
  /** One clause, for a person. */
  readonly message: string;
}

/** What a recording found, and whether that is all there was. */
export interface Observation {
  readonly calls: readonly ObservedCall[];
  readonly processes: number;
  readonly started: Date;
  readonly ended: Date;
  /** Empty: the recording is complete. */
  readonly reasons: readonly Reason[];
  /** First sightings whose event was lost: the call is recorded, who made it first is not known. */
  readonly lostEvidence: number;
}

function plural(count: number, noun: string, verb = ''): string {
  const nouns = count === 1 ? noun : noun.replace(/(s?)$/, (ending) => (ending ? 'ses' : 's'));
  return `${count} ${nouns}${verb && ` ${count === 1 && verb === 'were' ? 'was' : verb}`}`;
}

/** The reasons for which a recording with these counts is partial; `survivors` are its processes that still run. */
export function incompleteness(
  state: SlotState,
  counters: Counters,
  misses: number,
  survivors: readonly Pick<Found, 'phase'>[],
): Reason[] {
  const reasons: Reason[] = [];
  const add = (condition: boolean, code: Reason['code'], message: string) => {
    if (condition) reasons.push({ code, message });
  };
  const running = survivors.filter((found) => found.phase === 'workload').length;
  const waiting = survivors.length - running;
  add(state.seeded > 0, 'began-late', 'recording began after the workload');
  add(running > 0, 'still-running', `${plural(running, 'process')} still running`);
  add(
    waiting > 0 && state.execs + state.seeded > 0,
    'not-executed',
    `${plural(waiting, 'process')} moved into the cgroup without executing anything since: their calls are not recorded`,
  );
  add(
    state.execs === 0 && state.seeded === 0 && state.hostExecs > 0,
    'host-only',
    `${plural(state.hostExecs, 'program')} ran in the host's mount namespace and were taken for a container runtime's (record a host process by --pid, or by the cgroup of its service)`,
  );
  add(
    state.untagged > 0,
    'untagged',
    `${plural(state.untagged, 'task', 'were')} not followed since the kernel had no memory for a tag`,
  );
  add(
    state.movedThreads > 0,
    'moved-threads',
    `${plural(state.movedThreads, 'thread', 'were')} moved into the cgroup behind their leader; what they called before they were found may be missing`,
  );
  add(
    misses > 0,
    'skipped',
    `${plural(misses, 'call')} skipped by the kernel, whose recursion check found a program running`,
  );
  // Not how many: from Linux 7 on two programs count each call.
  add(state.overflowLost > 0, 'overflow', 'more numbers off the table were called than there is room for');
  add(
    counters.busy > 0,
    'busy',
    `${plural(counters.busy, 'look-up')} of a tag failed while its CPU's storage was busy`,
  );
  add(counters.noSlot > 0, 'no-slot', `${plural(counters.noSlot, 'cgroup')} found no free slot`);
  add(
    state.membersFull > 0,
    'members-full',
    `${plural(state.membersFull, 'cgroup')} of its own found no room: what ran in there may be missing`,
  );
  return reasons;
}

/** -1 is what a skipped call leaves behind (seccomp, ptrace); any other number without a name cannot be in a profile. */
export function unnamed(calls: readonly ObservedCall[]): Reason[] {
  return calls
    .filter(({ abi, nr }) => nr !== -1 && syscallName(abi, nr) === undefined)
    .map(({ abi, nr }) => ({
      code: 'unnamed',
      message: `system call number ${nr} (${abi}) has no name in this version: a newer kernel's, or not a call at all`,
    }));
}
