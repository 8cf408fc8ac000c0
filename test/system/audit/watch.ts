import { Client, type ClientReadableStream, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { loadProto, serviceOf } from '../../../src/platform/grpc.ts';
import type { EnrichedEvent } from '../../../src/stream/event.ts';

const PROTO = new URL('../../../src/stream/grpc/audit.proto', import.meta.url);
const WATCH = serviceOf(loadProto(PROTO), 'syscribe.audit.v1.Audit').Watch ?? fail();

function fail(): never {
  throw new TypeError('audit.proto has no Watch');
}

interface Response {
  readonly events: readonly EnrichedEvent[];
  readonly missed: number;
}

/** A client of `syscribe audit serve`, made from the .proto file alone. */
export class WatchClient implements Disposable {
  readonly events: EnrichedEvent[] = [];
  missed = 0;
  /** The status that the call ended with, by its name. */
  readonly ended: Promise<{ code: string; details: string }>;
  readonly #client: Client;
  readonly #call: ClientReadableStream<Response>;
  #changed = Promise.withResolvers<void>();

  private constructor(socket: string, filter: readonly string[]) {
    this.#client = new Client(`unix:${socket}`, credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = WATCH;
    this.#call = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {
      filter,
    }) as ClientReadableStream<Response>;
    const { promise, resolve } = Promise.withResolvers<{ code: string; details: string }>();
    this.ended = promise;
    this.#call.on('status', ({ code, details }) => resolve({ code: status[code] ?? '', details }));
    this.#call.on('error', (_error: ServiceError) => {
      // Told by the status.
    });
    this.#call.on('data', ({ events, missed }: Response) => {
      this.events.push(...events);
      this.missed = missed;
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    });
  }

  /** Connects; once this is done, the server counts what this client misses. */
  static async connect(socket: string, filter: readonly string[] = []): Promise<WatchClient> {
    const client = new WatchClient(socket, filter);
    const { promise, resolve } = Promise.withResolvers<void>();
    client.#call.once('metadata', () => resolve());
    await Promise.race([promise, client.ended]);
    return client;
  }

  async until(condition: (client: this) => boolean): Promise<void> {
    while (!condition(this)) await this.#changed.promise;
  }

  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  [Symbol.dispose](): void {
    this.#call.cancel();
    this.#client.close();
  }
}
