import { readFileSync } from 'node:fs';
import { LRUCache } from 'lru-cache';
import type { CgroupNames } from './cgroup-names.ts';
import { containerOfProcess } from './names.ts';
import { cgroupAt, type ProcessTable } from './process-table.ts';

/** The audit clock (ktime_get_coarse_real_ts64) is one tick coarse, 10 ms at CONFIG_HZ=100, and cut to milliseconds. */
const SLACK = 11;
/**
 * In a virtual machine the tick comes as late as its host lets it. No number is used again so soon: that takes a whole
 * round through pid_max. A program cannot read that clock (bpf_ktime_get_coarse_ns is refused to tracing).
 */
const BIRTH_SLACK = 200;
const TICKS = 10; // milliseconds: USER_HZ is 100 on every architecture that is supported
/** Milliseconds for which a number stands for the process last seen with it, where births are not told. */
const REUSE = 1000;
const MAX_PROCESSES = 20_000;

/** Whose a process is: a container's by its id, or the host's. */
export type Owner = { readonly container: string | undefined };

interface Seen {
  readonly born: number;
  readonly owner: Owner;
  /** Milliseconds on the boot clock at which it was last seen alive. */
  alive: number;
}

export interface IdentitySources {
  /** Births and moves as the kernel told them; absent where eBPF cannot be loaded. */
  readonly told?: { readonly processes: ProcessTable; readonly cgroups: CgroupNames };
  /** Milliseconds since the epoch at which the boot clock was 0. */
  readonly bootTime: () => number;
  /** For tests: where processes are looked for; /proc otherwise. */
  readonly proc?: string;
}

/**
 * Which container a process of an audit record belonged to when it was written. By what the kernel told of births where
 * that is to be had, so that a process which is gone is known too; else by /proc. A process that was born after the
 * record was written is never taken for the one that wrote it.
 */
export class Identity {
  readonly #told: IdentitySources['told'];
  readonly #bootTime: () => number;
  readonly #proc: string;
  readonly #seen = new LRUCache<number, Seen>({ max: MAX_PROCESSES });
  /** Numbers that nobody had, or only somebody born later, with the time up to which that is known. */
  readonly #vacant = new LRUCache<number, number>({ max: MAX_PROCESSES });
  /** Births were lost at this time: what was known before may have ended since. */
  #doubtful = Number.NEGATIVE_INFINITY;

  constructor({ told, bootTime, proc = '/proc' }: IdentitySources) {
    this.#told = told;
    this.#bootTime = bootTime;
    this.#proc = proc;
  }

  /** The kernel could not tell of some births up to now: older knowledge counts only if /proc agrees. */
  doubt(): void {
    this.#doubtful = this.#now();
  }

  /**
   * @param time when the record was written, milliseconds since the epoch.
   * @returns undefined when it cannot be told.
   */
  ownerOf(pid: number, time: number): Owner | undefined {
    const at = time - this.#bootTime();
    const life = this.#told?.processes.at(pid, at, BIRTH_SLACK);
    if (this.#told && life && (life.born >= this.#doubtful || at < this.#doubtful)) {
      const owner = this.#told.cgroups.get(cgroupAt(life, at, SLACK));
      if (owner) return owner;
    }
    return this.#look(pid, at, life?.born);
  }

  /** Up to when births may not have been told, or not be known any more. */
  #untold(): number {
    return Math.max(this.#doubtful, this.#told?.processes.forgotten ?? Number.NEGATIVE_INFINITY);
  }

  #now(): number {
    return Date.now() - this.#bootTime();
  }

  /** Looks in /proc; `told` is when the kernel said that the number's process was born, if it did. */
  #look(pid: number, at: number, told: number | undefined): Owner | undefined {
    const seen = this.#seen.get(pid);
    const bornSince = told !== undefined && seen !== undefined && told > seen.born + TICKS;
    const known = seen && seen.born <= at + BIRTH_SLACK && !bornSince ? seen : undefined;
    // With births told, nobody else has had the number since; else only what was alive later than the record is sure.
    if (known && (known.alive >= at || (this.#told && known.alive >= this.#untold()))) return known.owner;
    if (at + BIRTH_SLACK < (this.#vacant.get(pid) ?? Number.NEGATIVE_INFINITY)) return recently(known, at);
    const now = this.#now();
    const born = this.#bornOf(pid);
    if (born === undefined) {
      this.#vacant.set(pid, now);
      return recently(known, at);
    }
    if (known && born === known.born) {
      known.alive = now;
      return known.owner;
    }
    if (born > at + BIRTH_SLACK) {
      this.#vacant.set(pid, born);
      return undefined;
    }
    const owner = this.#ownerNow(pid);
    // The same process before and after its cgroup was read.
    if (!owner || this.#bornOf(pid) !== born) return undefined;
    this.#seen.set(pid, { born, owner, alive: now });
    return owner;
  }

  /** When the process was born: field 22 of /proc/PID/stat, behind a name that may hold anything. */
  #bornOf(pid: number): number | undefined {
    try {
      const text = readFileSync(`${this.#proc}/${pid}/stat`, 'latin1');
      const ticks = Number(text.slice(text.lastIndexOf(')') + 2).split(' ', 20)[19]);
      return Number.isFinite(ticks) ? ticks * TICKS : undefined;
    } catch {
      return undefined;
    }
  }

  #ownerNow(pid: number): Owner | undefined {
    try {
      return { container: containerOfProcess(readFileSync(`${this.#proc}/${pid}/cgroup`, 'utf8')) };
    } catch {
      return undefined;
    }
  }
}

/** Where births are not told, a number that is free now is taken for the one who had it just before. */
function recently(known: Seen | undefined, at: number): Owner | undefined {
  return known && at - known.alive <= REUSE ? known.owner : undefined;
}
