import { Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { SyscribeError } from '../../platform/errors.ts';
import { SocketPlace } from '../../platform/unix-socket.ts';
import type { EnrichedEvent } from '../event.ts';
import { parseFilter } from '../output/filter.ts';
import { select } from '../output/select.ts';
import { AUDIT_SERVICE, encodeEvent } from './messages.ts';
import { type WatchCall, Watcher } from './watcher.ts';

/** Each may hold 3 MiB. */
const MAX_CLIENTS = 16;
/** Milliseconds in which clients may take what they have not got when the server ends. */
const FAREWELL = 1000;

/** Offers the stream to clients on a Unix socket, each of which gets on at its own pace. */
export class AuditServer implements AsyncDisposable {
  readonly #server = new Server();
  readonly #place: SocketPlace;
  readonly #watchers = new Set<Watcher>();
  #missedBefore = 0;

  private constructor(place: SocketPlace) {
    this.#place = place;
    this.#server.addService(AUDIT_SERVICE, { Watch: (call: WatchCall) => this.#watch(call) });
  }

  /** @throws SyscribeError ERR_LISTEN */
  static async listen(path: string): Promise<AuditServer> {
    const place = await SocketPlace.claim(path);
    const server = new AuditServer(place);
    try {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const credentials = ServerCredentials.createInsecure();
      server.#server.bindAsync(`unix:${place.listenAt}`, credentials, (error) => (error ? reject(error) : resolve()));
      await promise;
      place.publish();
    } catch (cause) {
      place[Symbol.dispose]();
      throw new SyscribeError('ERR_LISTEN', `cannot listen at ${path}`, {
        cause,
        remedy: 'Check that its directory can be written to.',
      });
    }
    return server;
  }

  get clients(): number {
    return this.#watchers.size;
  }

  /** Events that clients, those that have gone too, wanted and did not get. */
  get missed(): number {
    return this.#watchers.values().reduce((sum, { missed }) => sum + missed, this.#missedBefore);
  }

  publish(events: readonly EnrichedEvent[]): void {
    const encoded = new Map<EnrichedEvent, Uint8Array>();
    for (const watcher of this.#watchers) {
      for (const event of select(events, watcher.filter)) {
        const bytes = encoded.get(event) ?? encodeEvent(event);
        encoded.set(event, bytes);
        watcher.offer(bytes);
      }
      watcher.flush();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const watcher of this.#watchers) watcher.end();
    const { promise, resolve } = Promise.withResolvers<void>();
    const late = setTimeout(() => this.#server.forceShutdown(), FAREWELL);
    this.#server.tryShutdown(() => resolve());
    await promise;
    clearTimeout(late);
    this.#place[Symbol.dispose]();
  }

  #watch(call: WatchCall): void {
    if (this.#watchers.size >= MAX_CLIENTS) {
      refuse(call, status.RESOURCE_EXHAUSTED, `there are ${MAX_CLIENTS} clients already`);
      return;
    }
    try {
      const watcher = new Watcher(call, parseFilter(call.request.filter));
      this.#watchers.add(watcher);
      call.once('close', () => this.#leave(watcher)).once('cancelled', () => this.#leave(watcher));
      call.sendMetadata(new Metadata());
    } catch (error) {
      if (!(error instanceof SyscribeError)) throw error;
      refuse(call, status.INVALID_ARGUMENT, error.message);
    }
  }

  #leave(watcher: Watcher): void {
    if (this.#watchers.delete(watcher)) this.#missedBefore += watcher.missed;
  }
}

function refuse(call: WatchCall, code: status, details: string): void {
  call.emit('error', { code, details });
}
