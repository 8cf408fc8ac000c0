import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { Session } from 'node:inspector/promises';
import { SyscribeError } from './errors.ts';
import { pause } from './wait.ts';

const PROFILE = '/debug/pprof/profile';
const HEAP = '/debug/pprof/heap';
const SECONDS = { default: 30, most: 60 };

/**
 * Profiles of this process at the addresses where Go's are: `/debug/pprof/profile?seconds=10` (where its time goes, at most a
 * minute) and `/debug/pprof/heap` (what has its memory), as V8 writes them: Chrome's developer tools and speedscope open them.
 */
export class ProfilingServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #session: Session;
  readonly #closing = new AbortController();
  #busy = false;

  private constructor() {
    this.#session = new Session();
    this.#server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
      if (pathname === HEAP) void this.#alone(response, 'heapprofile', () => this.#heap());
      else if (pathname === PROFILE) {
        const seconds = Number(searchParams.get('seconds') ?? SECONDS.default);
        if (seconds > 0 && seconds <= SECONDS.most)
          void this.#alone(response, 'cpuprofile', () => this.#profile(seconds));
        else response.writeHead(400).end(`seconds: more than 0, at most ${SECONDS.most}\n`);
      } else response.writeHead(404).end(`profiles are at ${PROFILE}?seconds=10, ${HEAP}\n`);
    });
    this.#server.maxConnections = 8;
  }

  /** @throws SyscribeError ERR_LISTEN */
  static async listen({ host, port }: { readonly host: string; readonly port: number }): Promise<ProfilingServer> {
    const server = new ProfilingServer();
    try {
      await once(server.#server.listen(port, host), 'listening');
    } catch (cause) {
      throw new SyscribeError('ERR_LISTEN', `cannot offer profiles at ${host}, port ${port}`, {
        cause,
        remedy: 'Choose a port that nobody else listens at.',
      });
    }
    server.#session.connect();
    await server.#session.post('Profiler.enable');
    await server.#session.post('HeapProfiler.startSampling');
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#closing.abort();
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
    this.#session.disconnect();
  }

  /** One at a time: each costs the process some of its speed. */
  async #alone(response: ServerResponse, type: string, make: () => Promise<object>): Promise<void> {
    if (this.#busy) {
      response.writeHead(409).end('another profile is being made\n');
      return;
    }
    this.#busy = true;
    try {
      const headers = {
        'Content-Type': 'application/json',
        'Content-Disposition': `attachment; filename=agent.${type}`,
      };
      const profile = JSON.stringify(await make());
      response.writeHead(200, headers).end(profile);
    } catch (error) {
      response.writeHead(500).end(`${(error as Error).message}\n`);
    } finally {
      this.#busy = false;
    }
  }

  async #profile(seconds: number): Promise<object> {
    await this.#session.post('Profiler.start');
    await pause(seconds * 1000, this.#closing.signal);
    return (await this.#session.post('Profiler.stop')).profile;
  }

  async #heap(): Promise<object> {
    return (await this.#session.post('HeapProfiler.getSamplingProfile')).profile;
  }
}
