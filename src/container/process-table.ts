const LIMIT = 65_536; // births
const MOVES = 8;

/** One process: a number is used again. */
export interface Life {
  /** Milliseconds on the boot clock at which it was born, or first seen. */
  readonly born: number;
  /** The cgroup it was born in. */
  readonly cgroup: number;
  /** Where it was moved to, each from a time on, in order. */
  moves: { readonly from: number; readonly cgroup: number }[] | undefined;
  /** Who had the number before. */
  before: Life | undefined;
}

/**
 * Which process had a number at a time, and which cgroup that was in: kept behind its end, since a record of the audit
 * log is read later than written. The oldest births are forgotten first.
 */
export class ProcessTable {
  /** Milliseconds on the boot clock up to which births may have been forgotten. */
  forgotten = Number.NEGATIVE_INFINITY;
  /** The last life of each number; few objects, since most of the time of a lookup is their coming to the cache. */
  readonly #lives = new Map<number, Life>();
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
    this.#lives.set(pid, { born: time, cgroup, moves: undefined, before: this.#lives.get(pid) });
  }

  /** Forgets the oldest life of a number. */
  #forget(pid: number): void {
    const last = this.#lives.get(pid);
    if (!last) return;
    let [oldest, next]: [Life, Life | undefined] = [last, undefined];
    for (; oldest.before; oldest = oldest.before) next = oldest;
    if (next) next.before = undefined;
    else this.#lives.delete(pid);
    this.forgotten = Math.max(this.forgotten, oldest.born);
  }

  moved(pid: number, cgroup: number, time: number): void {
    const life = this.#lives.get(pid);
    if (!life) {
      this.born(pid, cgroup, time);
      return;
    }
    life.moves ??= [];
    life.moves.push({ from: time, cgroup });
    if (life.moves.length > MOVES) life.moves.shift();
  }

  /** The life that a number stood for at `time`, to within `slack` milliseconds by which the stamp may be early. */
  at(pid: number, time: number, slack: number): Life | undefined {
    let life = this.#lives.get(pid);
    while (life && life.born > time + slack) life = life.before;
    return life;
  }
}

/** The cgroup that a process was in at `time`. */
export function cgroupAt({ cgroup, moves }: Life, time: number, slack: number): number {
  return moves?.findLast(({ from }) => from <= time + slack)?.cgroup ?? cgroup;
}
