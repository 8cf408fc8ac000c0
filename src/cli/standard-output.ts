import type { Output } from '../stream/output/delivery.ts';

/** Standard output for a stream: waits for a slow reader, and ends with one that has gone. */
export class StandardOutput implements Output, AsyncDisposable {
  readonly #onGone: () => void;
  #gone = false;

  constructor(onGone: () => void) {
    this.#onGone = onGone;
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      this.#gone = true;
      this.#onGone();
    });
  }

  write(lines: string): Promise<void> {
    if (this.#gone) return Promise.resolve();
    return new Promise((resolve) => {
      process.stdout.write(lines, () => resolve()); // An error comes by its event.
    });
  }

  async sync(): Promise<void> {
    // What a reader does with it is its own matter.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.write('');
  }
}
