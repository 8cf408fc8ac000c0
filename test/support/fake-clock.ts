import type { Clock } from '../../src/kube/clock.ts';
import { Changes } from './changes.ts';

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  readonly #changes = new Changes();

  now(): number {
    return this.#now;
  }

  timer(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#now + milliseconds, callback };
    this.#timers.add(timer);
    this.#changes.tell();
    return () => this.#timers.delete(timer);
  }

  /** Milliseconds until each timer, the next first. */
  get pending(): number[] {
    return [...this.#timers].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  advance(milliseconds: number): void {
    const until = this.#now + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.callback();
    }
    this.#now = until;
  }

  /** Waits until there is a timer of such a length, and gives it. */
  async awaited(least: number, most: number): Promise<number> {
    const fitting = () => this.pending.find((milliseconds) => milliseconds >= least && milliseconds <= most);
    await this.#changes.until(() => fitting() !== undefined);
    return fitting() ?? 0;
  }

  /** Waits until there is a timer of such a length, and moves to its end. */
  async pass(least: number, most: number): Promise<number> {
    const length = await this.awaited(least, most);
    this.advance(length);
    return length;
  }
}
