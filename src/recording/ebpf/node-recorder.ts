import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type KernelEvent, NO_SLOT, type SlotCgroup } from '../../capture/ebpf/layout.ts';
import { BpfRecorder, hostMountNamespace } from '../../capture/ebpf/object.ts';
import { type CgroupDirectory, cgroupId, childCgroups, findPodCgroups, podOfName } from '../../container/kubepods.ts';
import { containerOfName } from '../../container/names.ts';
import { SyscribeError } from '../../platform/errors.ts';
import { incompleteness, type ObservedCall, type Reason, unnamed } from '../observation.ts';
import { abisByIndex } from './session.ts';

/** Changes with bpf/record.h: what another version has pinned cannot be read. */
const LAYOUT = 2;
const PIN = /^v\d+-\d+(?:-ended)?$/;
/** Cgroups of one container that are recorded: systemd in a container has some forty. */
const SLOT_MEMBERS = 64;
/** Pods without a recorded container, and the cgroups that pods are in, beside a pod for each slot. */
const OTHER_PARENTS = 1024;

export interface NodeRecorderSettings {
  /** Where the host's /sys/fs/cgroup is. */
  readonly cgroups: string;
  /** kubelet's `cgroupRoot`. */
  readonly cgroupRoot: string;
  /** A directory of the host's bpffs, in which recordings outlive this process. */
  readonly pins: string;
  /** Containers that can be recorded at once. */
  readonly slots: number;
}

/** A container's cgroup that has a slot. */
export interface RecordedContainer {
  readonly slot: number;
  /** Tells uses of a slot apart. */
  readonly generation: number;
  readonly containerId: string;
  readonly podUid: string;
  /** Its cgroup was removed, or nothing runs in it any more: nothing comes after. */
  readonly ended: boolean;
}

/** A container that should be recorded and is not. */
export interface Unrecorded {
  readonly containerId: string;
  readonly reason: Reason;
}

/** What one container did up to now. */
export interface ContainerObservation {
  readonly calls: readonly ObservedCall[];
  readonly processes: number;
  /** Why it is not all; empty: it is. */
  readonly reasons: readonly Reason[];
}

export interface NodeRecorderEvents {
  /** Containers began or ended: look at {@link NodeRecorder.containers}. */
  changed(): void;
  /** The container in this slot did something that it had not done before. */
  seen(slot: number): void;
  /** A pod is about to have containers. */
  podBorn(): void;
}

/**
 * Records every container of the node's pods, each in a slot of its own, from before its first process on. Membership is
 * copied in the kernel when its cgroup is made, so it does not matter which runtime made it, nor whether anybody was
 * there: maps and programs are pinned, and whoever opens the same pins goes on.
 */
export class NodeRecorder implements Disposable {
  readonly #bpf: BpfRecorder;
  readonly #pin: string;
  readonly #roots: readonly string[];
  readonly #slots: number;
  readonly #baselines = new Map<number, { generation: number; counters: Counted }>();

  private constructor(bpf: BpfRecorder, pin: string, roots: readonly string[], slots: number) {
    this.#bpf = bpf;
    this.#pin = pin;
    this.#roots = roots;
    this.#slots = slots;
  }

  /**
   * Loads, with what an earlier process of the same layout left pinned; nothing is attached before {@link begin}.
   * @throws SyscribeError when there are no pods' cgroups, or the kernel does not allow it.
   */
  static load(settings: NodeRecorderSettings, events: NodeRecorderEvents): NodeRecorder {
    const pods = findPodCgroups(settings.cgroups, settings.cgroupRoot);
    const pin = join(settings.pins, `v${LAYOUT}-${settings.slots}`);
    // What another version pinned cannot be read, and must not go on being paid for.
    for (const name of existsSync(settings.pins) ? readdirSync(settings.pins) : [])
      if (PIN.test(name) && join(settings.pins, name) !== pin) removePins(join(settings.pins, name));
    mkdirSync(pin, { recursive: true, mode: 0o700 });
    const host = hostMountNamespace();
    if (host === undefined)
      throw new SyscribeError('ERR_BPF_PERMISSION', 'the host’s mount namespace cannot be told from a container’s', {
        remedy: 'Run it with the host’s process ids (hostPID) and CAP_SYS_PTRACE.',
      });
    const bpf = new BpfRecorder({
      hostMountNamespace: host,
      nameCgroups: true,
      slots: settings.slots,
      slotMembers: SLOT_MEMBERS,
      parents: settings.slots + OTHER_PARENTS,
      ringBytes: 1 << 20,
      hierarchy: pods.number,
      controller: pods.controller,
      pin,
    });
    const recorder = new NodeRecorder(bpf, pin, pods.roots, settings.slots);
    bpf.listen((event) => recorder.#onEvent(event, events));
    return recorder;
  }

  /** Attaches, unless it is pinned and attached; what runs already is recorded from now on. */
  begin(): void {
    this.#bpf.attach(['tasks', 'cgroups']);
    this.#begin();
  }

  /**
   * Records containers that have no slot and should: they began before, had been released, or found none. The kernel
   * forgets what of this is not done when this process ends in the middle: the next one begins with them again.
   * @returns those that cannot be recorded now either.
   */
  adopt(wanted: (podUid: string, containerId: string) => boolean): Unrecorded[] {
    const claimed: number[] = [];
    const left: Unrecorded[] = [];
    try {
      for (const { pod, container, id } of this.#unslotted(wanted)) {
        const slot = this.#bpf.claimSlot();
        const reason = slot === undefined ? noSlot(this.#slots) : this.#enter(slot, pod, container);
        if (reason) left.push({ containerId: id, reason });
        else if (slot !== undefined) claimed.push(slot);
      }
      if (claimed[0] !== undefined) this.#bpf.adopt(claimed[0]);
    } catch (error) {
      for (const slot of claimed) this.#bpf.freeSlot(slot);
      throw error;
    }
    for (const slot of claimed) this.#bpf.keepSlot(slot);
    return left;
  }

  /** Calls are seen from now on. What began before is known to have. */
  arm(): void {
    this.#bpf.attach(['calls']);
  }

  /** Nothing is recorded: no call on this machine pays for anything. */
  disarm(): void {
    this.#bpf.detach(['calls']);
  }

  /** All containers that have a slot, those that ended among them until they are released. */
  containers(): RecordedContainer[] {
    const found: RecordedContainer[] = [];
    for (let slot = 0; slot < this.#slots; slot++) {
      const cgroup = this.#bpf.slotCgroup(slot);
      if (!cgroup) continue;
      const containerId = containerOfName(cgroup.name);
      const podUid = podOfName(cgroup.parent);
      // conmon's, and whatever else is kept in a pod's cgroup.
      if (containerId === undefined || podUid === undefined) this.release(slot);
      else found.push({ slot, generation: cgroup.generation, containerId, podUid, ended: this.#ended(slot, cgroup) });
    }
    return found;
  }

  observe(slot: number): ContainerObservation {
    const state = this.#bpf.state(slot);
    const abis = abisByIndex();
    const calls = this.#bpf.calls(slot).map(({ phase, abi, nr }): ObservedCall => ({ phase, abi: abis[abi], nr }));
    const { counters, misses } = this.#since(slot, state.generation);
    // What a runtime executes before the container's first program is no workload of the host's, as it may be elsewhere.
    const reasons = incompleteness({ ...state, hostExecs: 0 }, counters, misses, []);
    const cgroup = this.#bpf.slotCgroup(slot);
    const nothing = cgroup && this.#ended(slot, cgroup) && state.execs + state.seeded === 0 ? [NOTHING_EXECUTED] : [];
    return { calls, processes: state.processes, reasons: [...reasons, ...nothing, ...unnamed(calls)] };
  }

  /** What the kernel could not do on this node since the programs are there; of programs, calls that were skipped. */
  losses(): ReturnType<BpfRecorder['counters']> & { readonly skipped: number } {
    return { ...this.#bpf.counters(), skipped: this.#bpf.misses() };
  }

  /** Forgets a container: what it does from now on is not recorded. */
  release(slot: number): void {
    this.#baselines.delete(slot);
    this.#bpf.freeSlot(slot);
  }

  /** Delivers what the kernel has told up to now. */
  drain(): void {
    this.#bpf.drain();
  }

  /** Stops recording for good: nothing stays attached or pinned. */
  end(): void {
    this.#bpf.close();
    removePins(this.#pin);
  }

  /** Lets go; what is pinned records on. */
  [Symbol.dispose](): void {
    this.#bpf.close();
  }

  #onEvent(event: KernelEvent, events: NodeRecorderEvents): void {
    if (event.kind === 'cgroup') this.#since(event.slot, event.generation);
    if (event.kind === 'pod') events.podBorn();
    if (event.kind === 'cgroup' || event.kind === 'gone' || event.kind === 'idle') events.changed();
    if (event.kind === 'seen') events.seen(event.slot);
    if (event.kind === 'rescan') this.#bpf.adopt(event.slot);
  }

  /** Programs first, then the roots, then what is below them already, then the tasks in there. */
  #begin(): void {
    for (const root of this.#roots) {
      const id = cgroupId(root);
      if (id !== undefined) this.#bpf.addMember(id, { ...NOBODY, levels: 2 });
      for (const pod of childCgroups(root))
        if (podOfName(pod.name) !== undefined) this.#bpf.addMember(pod.id, { ...NOBODY, levels: 1 });
    }
    this.adopt(() => true);
  }

  *#unslotted(wanted: (podUid: string, containerId: string) => boolean) {
    for (const root of this.#roots) {
      for (const pod of childCgroups(root)) {
        const uid = podOfName(pod.name);
        if (uid === undefined) continue;
        for (const container of childCgroups(pod.path)) {
          const id = containerOfName(container.name);
          if (id !== undefined && wanted(uid, id) && !this.#bpf.isMember(container.id)) yield { pod, container, id };
        }
      }
    }
  }

  /** @returns why the container cannot have the slot, which is free again then. */
  #enter(slot: number, pod: CgroupDirectory, container: CgroupDirectory): Reason | undefined {
    try {
      this.#bpf.nameSlot(slot, container.id, container.name, pod.name);
      const { generation } = this.#bpf.state(slot);
      this.#addTree(container, { slot, generation, levels: 0, anyMountNamespace: 0 });
      // Its removal is told of a member only: one that was gone before is never told of.
      if (cgroupId(container.path) === container.id) return undefined;
      this.#bpf.freeSlot(slot);
      return { code: 'began-late', message: 'it ended before it could be recorded' };
    } catch (error) {
      this.#bpf.freeSlot(slot);
      return { code: 'members-full', message: `its cgroup could not be entered: ${(error as Error).message}` };
    }
  }

  /** @returns false once the slot has no more room, which it counts: a container can have made any number. */
  #addTree({ path, id }: CgroupDirectory, member: Parameters<BpfRecorder['addMember']>[1]): boolean {
    if (!this.#bpf.addMember(id, member) && this.#bpf.state(member.slot).membersFull > 0) return false;
    return childCgroups(path).every((child) => this.#addTree(child, member));
  }

  /** By the directory's removal; by emptiness where a runtime that was killed left the directory behind. */
  #ended(slot: number, cgroup: SlotCgroup): boolean {
    if (cgroup.dead !== 0n) return true;
    const { live, execs, seeded } = this.#bpf.state(slot);
    return live === 0 && execs + seeded > 0;
  }

  /** What was missed on the whole node since a container was first looked at. */
  #since(slot: number, generation: number): Counted {
    const now = { counters: this.#bpf.counters(), misses: this.#bpf.misses() };
    let baseline = this.#baselines.get(slot);
    if (baseline?.generation !== generation) {
      baseline = { generation, counters: now };
      this.#baselines.set(slot, baseline);
    }
    const { counters, misses } = baseline.counters;
    return {
      // Cgroups that found no slot or no room are other containers', but for those that the slot's own state counts.
      counters: {
        noSlot: 0,
        membersFull: 0,
        busy: now.counters.busy - counters.busy,
        unremoved: 0,
      },
      misses: now.misses - misses,
    };
  }
}

export function noSlot(slots: number): Reason {
  return { code: 'no-slot', message: `all ${slots} slots of the recorder were taken` };
}

/** What did nothing proves nothing. */
const NOTHING_EXECUTED: Reason = { code: 'not-executed', message: 'no program was executed in the container' };

const NOBODY = { slot: NO_SLOT, generation: 0, anyMountNamespace: 0 };

type Counted = { readonly counters: ReturnType<BpfRecorder['counters']>; readonly misses: number };

/** Under another name first: who finds but some of the maps would make others beside them, to which pinned programs do not write. */
function removePins(directory: string): void {
  const ended = directory.replace(/(-ended)?$/, '-ended');
  if (directory !== ended && existsSync(directory)) {
    // What an earlier removal has left.
    rmSync(ended, { recursive: true, force: true });
    renameSync(directory, ended);
  }
  rmSync(ended, { recursive: true, force: true });
}
