const WINDOW = 4096;

/** Which numbers have come up to a place in the log: another process counts on from there. */
export interface Serials {
  readonly last: number;
  /** Those before it that have not come yet. */
  readonly missing: readonly number[];
}

/**
 * Counts the serial numbers that never came. The kernel numbers every event it writes and sends them nearly in order
 * (an event of a system call is numbered before it is finished), so a number that is still missing when 4,096 later
 * ones have come is lost. A number far below the highest is the first of a new boot.
 */
export class SerialGaps {
  readonly #seen = new Uint8Array(WINDOW);
  #highest = -1;
  #lowest = -1;
  #missed = 0;
  #first = -1;

  add(serial: number): void {
    if (this.#highest === -1 || serial < this.#highest - WINDOW) this.#restart(serial);
    else if (serial > this.#highest) this.#advance(serial);
    this.#seen[serial % WINDOW] = 1;
    if (this.#first === -1) this.#first = serial;
    if (serial < this.#lowest) this.#lowest = serial;
  }

  /** The highest number; -1 before the first. */
  get last(): number {
    return this.#highest;
  }

  /** The number that came first, since the last boot; -1 before that. */
  get first(): number {
    return this.#first;
  }

  /** Undefined before the first number. */
  get serials(): Serials | undefined {
    if (this.#highest === -1) return undefined;
    const missing: number[] = [];
    for (let serial = this.#oldest(); serial <= this.#highest; serial++)
      if (!this.#seen[serial % WINDOW]) missing.push(serial);
    return { last: this.#highest, missing };
  }

  /** To be called before the first number: what another has counted is not counted again, and a gap behind it is one. */
  resume({ last, missing }: Serials): void {
    this.#highest = last;
    this.#lowest = Math.max(last - WINDOW + 1, 0);
    this.#seen.fill(1);
    for (const serial of missing) if (serial >= this.#lowest && serial <= last) this.#seen[serial % WINDOW] = 0;
  }

  /** Numbers that are lost for certain. */
  get missed(): number {
    return this.#missed;
  }

  /** Those that have not come yet, and will not if the log has ended. */
  get pending(): number {
    let pending = 0;
    for (let serial = this.#oldest(); serial <= this.#highest; serial++) pending += this.#seen[serial % WINDOW] ? 0 : 1;
    return this.#highest === -1 ? 0 : pending;
  }

  #oldest(): number {
    return Math.max(this.#lowest, this.#highest - WINDOW + 1, 0);
  }

  #restart(serial: number): void {
    this.#missed += this.pending;
    this.#seen.fill(0);
    this.#highest = serial;
    this.#lowest = serial;
    this.#first = serial;
  }

  #advance(serial: number): void {
    const steps = serial - this.#highest;
    if (steps >= WINDOW) {
      this.#missed += this.pending + steps - WINDOW;
      this.#seen.fill(0);
      this.#highest = serial;
      this.#lowest = Math.min(this.#lowest, serial - WINDOW);
      return;
    }
    for (let next = this.#highest + 1; next <= serial; next++) {
      // The number that leaves the window is the one whose place the next takes.
      if (next - WINDOW >= this.#lowest && !this.#seen[next % WINDOW]) this.#missed += 1;
      this.#seen[next % WINDOW] = 0;
    }
    this.#highest = serial;
  }
}
