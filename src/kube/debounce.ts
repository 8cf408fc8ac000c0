import { type Clock, MONOTONIC } from './clock.ts';

/** Pods come and go; the object that counts them is not written more often, milliseconds. */
const PAUSE = 5000;

/** When something of an object was written last, so that what changes all the time is not. */
export class Pace {
  readonly #written = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock = MONOTONIC) {
    this.#clock = clock;
  }

  /** @returns milliseconds until it may be written; 0: now, which is taken as done. */
  wait(key: string, patient: boolean): number {
    const now = this.#clock.now();
    const wait = (this.#written.get(key) ?? Number.NEGATIVE_INFINITY) + PAUSE - now;
    if (patient && wait > 0) return wait;
    this.#written.set(key, now);
    return 0;
  }

  forget(key: string): void {
    this.#written.delete(key);
  }
}
