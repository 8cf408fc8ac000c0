import { isNativeFailure, type NativeProcesses, native } from '../native.ts';
import { describeLoadFailure, requireBtf } from './load-failure.ts';
import { decodeProcessEvents, type ProcessEvent } from './process-events.ts';

const RING_BYTES = 4 << 20; // 100,000 births

/**
 * Every birth, move and new cgroup of the machine, as the kernel tells it.
 */
export class ProcessWatch implements Disposable {
  readonly #handle: NativeProcesses;

  /** @throws SyscribeError ERR_BPF_UNSUPPORTED, ERR_BPF_PERMISSION or ERR_BPF_LOAD. */
  constructor(
    hierarchy: { readonly number: number; readonly controller: string },
    onEvent: (event: ProcessEvent) => void,
    ringBytes = RING_BYTES,
  ) {
    requireBtf();
    try {
      this.#handle = native().openProcesses(
        { hierarchy: hierarchy.number, controller: hierarchy.controller, ringBytes },
        (events) => {
          for (const event of decodeProcessEvents(events)) onEvent(event);
        },
      );
    } catch (error) {
      throw isNativeFailure(error) ? describeLoadFailure(error) : error;
    }
  }

  /** Delivers what has happened up to now. */
  drain(): void {
    native().drainProcesses(this.#handle);
  }

  /** Events that were lost: the ring was full, or the kernel skipped a program. */
  lost(): number {
    return native().lostProcesses(this.#handle);
  }

  [Symbol.dispose](): void {
    native().closeProcesses(this.#handle);
  }
}
