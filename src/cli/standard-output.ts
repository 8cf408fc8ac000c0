import { SyscribeError } from '../platform/errors.ts';
import type { Output } from '../stream/output/delivery.ts';

/** Standard output for a stream: waits for a slow reader, and ends with one that has gone. */
export class StandardOutput implements Output, AsyncDisposable {
  #gone = false;

  constructor(onGone: () => void) {
    // Without a listener an error would end the process; whoever wrote is told of it.
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') return;
      this.#gone = true;
      onGone();
    });
  }

  /** @throws SyscribeError ERR_FILE_WRITE for what is not the reader's going. */
  write(lines: string): Promise<void> {
    if (this.#gone) return Promise.resolve();
    return new Promise((resolve, reject) => {
      process.stdout.write(lines, (error) => {
        if (!error || (error as NodeJS.ErrnoException).code === 'EPIPE') resolve();
        else
          reject(
            new SyscribeError('ERR_FILE_WRITE', 'cannot write to standard output', {
              cause: error,
              remedy: 'Make room, or use --out-file, which waits for it.',
            }),
          );
      });
    });
  }

  async sync(): Promise<void> {
    // What a reader does with it is its own matter.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.write('');
  }
}
