import type { ProcessEvent } from '../capture/ebpf/process-events.ts';
import { ProcessWatch } from '../capture/ebpf/process-watch.ts';
import { native } from '../capture/native.ts';
import { CgroupNames } from '../container/cgroup-names.ts';
import { containerHierarchy, walkCgroups } from '../container/hierarchy.ts';
import { Identity } from '../container/identity.ts';
import { ProcessTable } from '../container/process-table.ts';
import { SyscribeError } from '../platform/errors.ts';

/** Who is who on this machine, kept up by what the kernel tells of births where eBPF can be loaded. */
export class Processes implements Disposable {
  readonly identity: Identity;
  /** Why births are not told, if they are not: processes that are gone when their record is read are unknown then. */
  readonly untold: string | undefined;
  readonly #watch: ProcessWatch | undefined;
  readonly #table = new ProcessTable();
  readonly #cgroups = new CgroupNames();
  #lost = 0;
  #bootTime = native().bootTime();

  constructor() {
    const hierarchy = containerHierarchy();
    let watch: ProcessWatch | undefined;
    try {
      if (hierarchy) watch = new ProcessWatch(hierarchy, (event) => this.#told(event));
      else this.untold = 'no cgroup hierarchy is mounted';
    } catch (error) {
      if (!(error instanceof SyscribeError)) throw error;
      this.untold = error.message;
    }
    this.#watch = watch;
    // Behind the attach: what is made meanwhile is told, what was there before is found.
    if (watch && hierarchy)
      for (const [id, parent, name] of walkCgroups(hierarchy.path)) this.#cgroups.add(id, parent, name);
    this.identity = new Identity({
      bootTime: () => this.#bootTime,
      ...(watch && { told: { processes: this.#table, cgroups: this.#cgroups } }),
    });
  }

  /** Takes in what has happened up to now: to be called before records are looked at that were written up to now. */
  update(): void {
    // Setting the clock moves it.
    this.#bootTime = native().bootTime();
    if (!this.#watch) return;
    this.#watch.drain();
    const lost = this.#watch.lost();
    if (lost > this.#lost) this.identity.doubt();
    this.#lost = lost;
  }

  /** Births and moves that the kernel could not tell. */
  get lost(): number {
    return this.#lost;
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
  }

  #told({ kind, pid, cgroup, parent, name, time }: ProcessEvent): void {
    if (kind === 'born') this.#table.born(pid, cgroup, time);
    else if (kind === 'moved') this.#table.moved(pid, cgroup, time);
    else this.#cgroups.add(cgroup, parent, name);
  }
}
