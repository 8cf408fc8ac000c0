/** What may be attached to the kernel while a sample is taken. */
import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { BpfRecorder } from '../../src/capture/ebpf/object.ts';
import { parseCgroupMounts } from '../../src/container/cgroup.ts';
import { Dialogue, type Programs } from './programs.ts';

export const CONDITIONS = ['bare', 'empty', 'unrelated', 'recorded', 'host'] as const;

/** How long someone else's tracer is waited for, in milliseconds. */
const PATIENCE = 120_000;

export type Condition = (typeof CONDITIONS)[number];

/** Puts the kernel into a condition and back: an empty tracer, a recorder, and someone else for it to record. */
export class Kernel implements AsyncDisposable {
  /** Samples that were taken again since someone else's tracer came or went. */
  disturbed = 0;
  readonly #tracer: Dialogue;
  readonly #other: Dialogue;
  readonly #cgroup: string;

  constructor(programs: Programs) {
    this.#tracer = new Dialogue(programs.path('tracer'), programs.path('empty.bpf.o'));
    this.#other = new Dialogue(programs.path('getppid'), '1', '1');
    const mount = parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8')).find(({ version }) => version === 2);
    if (!mount) throw new Error('no cgroup v2 hierarchy is mounted');
    this.#cgroup = join(mount.path, `syscribe-bench-${process.pid}`);
    mkdirSync(this.#cgroup);
    writeFileSync(join(this.#cgroup, 'cgroup.procs'), `${this.#other.pid}`);
  }

  /** Programs on sys_enter, whoever attached them: every one of them slows down every call on the machine. */
  async tracers(): Promise<number> {
    return Number(await this.#tracer.ask('links'));
  }

  /**
   * Takes a sample when nobody else's tracer is attached; takes it again when `sample` finds out that one came (it gives
   * undefined then) or when one is there afterwards.
   */
  async undisturbed<T>(sample: () => Promise<T | undefined>): Promise<T> {
    for (;;) {
      await this.#quiet();
      const result = await sample();
      if (result !== undefined && (await this.tracers()) === 0) return result;
      this.disturbed += 1;
    }
  }

  async #quiet(): Promise<void> {
    const begun = Date.now();
    while ((await this.tracers()) > 0) {
      if (Date.now() - begun > PATIENCE) throw new Error('another tracer of system calls stays attached: no figures');
      await setTimeout(50);
    }
  }

  /** Ids of the programs in the kernel that are named as syscribe names its own. */
  async programs(): Promise<string[]> {
    const line = await this.#tracer.ask('programs');
    return line.split(' ').filter((id) => id !== '');
  }

  /** @param pid what is recorded in the condition `recorded`. */
  async enter(condition: Condition, pid: number): Promise<AsyncDisposable> {
    if (condition === 'bare') return { [Symbol.asyncDispose]: async () => {} };
    if (condition === 'empty') {
      await this.#tracer.ask('attach');
      return { [Symbol.asyncDispose]: async () => void (await this.#tracer.ask('detach')) };
    }
    const bpf = new BpfRecorder(condition === 'host' ? {} : { slotMembers: 1 });
    try {
      this.#record(bpf, condition, pid);
    } catch (error) {
      bpf.close();
      throw error;
    }
    return { [Symbol.asyncDispose]: async () => bpf.close() };
  }

  /** As RecordingSession does it for a process and for a cgroup. */
  #record(bpf: BpfRecorder, condition: Condition, pid: number): void {
    const slot = bpf.claimSlot() ?? 0;
    bpf.listen(() => {});
    if (condition === 'host') {
      bpf.attach(['tasks', 'calls', 'cgroups']);
      const { ino } = statSync(this.#cgroup, { bigint: true });
      bpf.addMember(ino, { slot, generation: bpf.state(slot).generation, levels: 0, anyMountNamespace: 1 });
      bpf.adopt(slot);
    } else {
      bpf.attach(['tasks', 'calls']);
      bpf.adopt(slot, condition === 'recorded' ? pid : this.#other.pid);
    }
    if (bpf.state(slot).seeded !== 1) throw new Error(`${condition}: not one process is recorded`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tracer[Symbol.asyncDispose]();
    await this.#other[Symbol.asyncDispose]();
    rmdirSync(this.#cgroup);
  }
}
