const LIMIT = 65_536; // births

/** One process: a number is used again. */
export interface Life {
  /** Milliseconds on the boot clock at which it was born, or first seen. */
  readonly born: number;
  /** The cgroups it was in, each from a time on, in order. */
  readonly cgroups: { readonly from: number; readonly cgroup: number }[];
}

/**
 * Which process had a number at a time, and which cgroup that was in: kept behind its end, since a record of the audit
 * log is read later than written. The oldest births are forgotten first.
 */
export class ProcessTable {
  /** Milliseconds on the boot clock up to which births may have been forgotten. */
  forgotten = Number.NEGATIVE_INFINITY;
  readonly #lives = new Map<number, Life[]>();
  /** The numbers of the last births, in a ring. */
  readonly #births: Int32Array;
  #count = 0;

  constructor(limit = LIMIT) {
    this.#births = new Int32Array(limit);
  }

  get size(): number {
    return this.#lives.size;
  }

  born(pid: number, cgroup: number, time: number): void {
    const { length } = this.#births;
    if (this.#count >= length) this.#forget(this.#births[this.#count % length] as number);
    this.#births[this.#count++ % length] = pid;
    const life: Life = { born: time, cgroups: [{ from: time, cgroup }] };
    const lives = this.#lives.get(pid);
    if (lives) lives.push(life);
    else this.#lives.set(pid, [life]);
  }

  #forget(pid: number): void {
    const lives = this.#lives.get(pid);
    this.forgotten = Math.max(this.forgotten, lives?.shift()?.born ?? 0);
    if (lives?.length === 0) this.#lives.delete(pid);
  }

  moved(pid: number, cgroup: number, time: number): void {
    const life = this.#lives.get(pid)?.at(-1);
    if (!life) {
      this.born(pid, cgroup, time);
      return;
    }
    life.cgroups.push({ from: time, cgroup });
    if (life.cgroups.length > 8) life.cgroups.splice(1, 1);
  }

  /** The life that a number stood for at `time`, to within `slack` milliseconds by which the stamp may be early. */
  at(pid: number, time: number, slack: number): Life | undefined {
    const lives = this.#lives.get(pid);
    if (!lives) return undefined;
    for (let index = lives.length - 1; index >= 0; index--) {
      const life = lives[index] as Life;
      if (life.born <= time + slack) return life;
    }
    return undefined;
  }
}

/** The cgroup that a process was in at `time`. */
export function cgroupAt(life: Life, time: number, slack: number): number {
  const { cgroups } = life;
  for (let index = cgroups.length - 1; index > 0; index--) {
    const stay = cgroups[index] as Life['cgroups'][number];
    if (stay.from <= time + slack) return stay.cgroup;
  }
  return cgroups[0]?.cgroup ?? 0;
}
