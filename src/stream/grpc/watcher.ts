import type { ServerWritableStream } from '@grpc/grpc-js';
import type { Filter } from '../output/filter.ts';
import { encodeResponse } from './messages.ts';

/** Bytes that wait for one client: some 7,000 events. */
const QUEUE = 2 << 20;
/** Bytes of one response; gRPC clients take 4 MiB, and 16 of them wait in the call besides. */
const RESPONSE = 64 << 10;

interface WatchRequest {
  readonly filter: readonly string[];
}

export type WatchCall = ServerWritableStream<WatchRequest, Buffer>;

/** One client: what it has yet to get, up to a bound, and how much it missed beyond that. */
export class Watcher {
  readonly filter: Filter;
  #missed = 0;
  #told = 0;
  #queue: Uint8Array[] = [];
  #bytes = 0;
  #blocked = false;
  readonly #call: WatchCall;

  constructor(call: WatchCall, filter: Filter) {
    this.#call = call;
    this.filter = filter;
    call.on('drain', () => {
      this.#blocked = false;
      this.flush();
    });
  }

  get missed(): number {
    return this.#missed;
  }

  offer(event: Uint8Array): void {
    if (this.#bytes + event.length > QUEUE) {
      this.#missed += 1;
      return;
    }
    this.#queue.push(event);
    this.#bytes += event.length;
  }

  /** Sends what the client takes now; what it does not take waits until it does. */
  flush(): void {
    while (!this.#blocked && this.#owing()) this.#send();
  }

  /** Sends all that waits, and ends the call. */
  end(): void {
    while (this.#owing()) this.#send();
    this.#call.end();
  }

  #owing(): boolean {
    return this.#queue.length > 0 || this.#missed > this.#told;
  }

  #send(): void {
    let count = 0;
    let bytes = 0;
    for (const event of this.#queue) {
      if (count > 0 && bytes + event.length > RESPONSE) break;
      count += 1;
      bytes += event.length;
    }
    const events = this.#queue.slice(0, count);
    this.#queue = this.#queue.slice(count);
    this.#bytes -= bytes;
    this.#told = this.#missed;
    this.#blocked = !this.#call.write(encodeResponse(events, this.#told));
  }
}
