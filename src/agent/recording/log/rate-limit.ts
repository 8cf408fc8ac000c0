import type { Owned } from './owners.ts';

/** Seconds of the log over which records are averaged. */
const WINDOW = 10;

/** A container that makes more records than the node can bear. */
export interface Flooding {
  readonly owned: Owned;
  /** Records a second. */
  readonly rate: number;
}

/** Counts what containers log by the log's own time, so that it does not matter how late it is read. */
export class Flood {
  readonly #limit: number;
  /** By second since the epoch. */
  readonly #counts = new Map<number, Map<string, number>>();
  #newest = 0;
  /** What the times of the second counted last begin with. */
  #second = ' ';
  #current = new Map<string, number>();

  /** @param limit records a second of all recorded containers of the node; 0: none. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param time ISO 8601. */
  add(id: string, time: string): void {
    if (!time.startsWith(this.#second)) this.#turn(time);
    this.#current.set(id, (this.#current.get(id) ?? 0) + 1);
  }

  forget(id: string): void {
    for (const counts of this.#counts.values()) counts.delete(id);
  }

  /** The noisiest that have to go so that the others are within the limit. */
  async over(find: (id: string) => Promise<Owned | string>): Promise<Flooding[]> {
    const rates = this.#rates();
    if (this.#limit === 0 || sum(rates.map(([, rate]) => rate)) <= this.#limit) return [];
    const recorded: Flooding[] = [];
    for (const [id, rate] of rates) {
      const owned = await find(id);
      if (typeof owned === 'object' && !owned.ended) recorded.push({ owned, rate });
    }
    let left = sum(recorded.map(({ rate }) => rate));
    return recorded.filter(({ rate }) => {
      if (left <= this.#limit) return false;
      left -= rate;
      return true;
    });
  }

  /** The noisiest first. */
  #rates(): [id: string, rate: number][] {
    const totals = new Map<string, number>();
    for (const [second, counts] of this.#counts)
      if (second > this.#newest - WINDOW)
        for (const [id, count] of counts) totals.set(id, (totals.get(id) ?? 0) + count / WINDOW);
    return [...totals].sort(([, a], [, b]) => b - a);
  }

  #turn(time: string): void {
    this.#second = time.slice(0, 'YYYY-MM-DDTHH:MM:SS'.length);
    const second = Date.parse(`${this.#second}Z`) / 1000;
    // Somebody has set the clock back.
    if (second <= this.#newest - WINDOW) this.#counts.clear();
    if (second > this.#newest || this.#counts.size === 0) this.#newest = second;
    for (const old of this.#counts.keys()) if (old <= this.#newest - WINDOW) this.#counts.delete(old);
    this.#current = this.#counts.get(second) ?? new Map();
    this.#counts.set(second, this.#current);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
