import { Tail } from 'tail';

/** What Tail's own methods are called by; its types leave them out. */
interface Watching {
  change(): void;
}

/**
 * Tells that a log has grown, been renamed or cut off: `tail`'s watch, without its reading. `change()` is where it would
 * read; it does so by path, from an offset of whatever file had that name before (docs/decisions/0004-tail.md).
 */
class Watch extends Tail implements Watching {
  readonly #onChange: () => void;

  constructor(path: string, onChange: () => void) {
    super(path, { follow: false, separator: null as unknown as string, encoding: 'latin1' });
    this.#onChange = onChange;
  }

  change(): void {
    this.#onChange();
  }
}

/** Wakes whoever waits when the file at a path changes; while there is no such file, never. */
export class Follower implements Disposable {
  readonly #path: string;
  readonly #wake: () => void;
  #watch: Watch | undefined;

  constructor(path: string, wake: () => void) {
    this.#path = path;
    this.#wake = wake;
  }

  /** Watches the file that has the path now; to be called until it returns true, and again after a rename. */
  watch(): boolean {
    if (this.#watch) return true;
    try {
      const watch = new Watch(this.#path, this.#wake);
      watch.on('error', () => {
        this[Symbol.dispose](); // Renamed or removed: the next call watches its successor.
        this.#wake();
      });
      this.#watch = watch;
      return true;
    } catch {
      return false; // Not there yet.
    }
  }

  [Symbol.dispose](): void {
    this.#watch?.unwatch();
    this.#watch = undefined;
  }
}
