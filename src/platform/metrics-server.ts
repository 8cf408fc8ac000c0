import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import { SyscribeError } from './errors.ts';

const MAX_CONNECTIONS = 32;

/** Offers a registry's metrics over HTTP at /metrics. */
export class MetricsServer implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @throws SyscribeError ERR_LISTEN */
  static async listen(
    { host, port }: { readonly host: string; readonly port: number },
    registry: Registry,
  ): Promise<MetricsServer> {
    const server = createServer(async (request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost');
      if (pathname !== '/metrics') response.writeHead(404).end('metrics are at /metrics\n');
      else if (request.method !== 'GET' && request.method !== 'HEAD')
        response.writeHead(405, { Allow: 'GET, HEAD' }).end();
      else response.writeHead(200, { 'Content-Type': registry.contentType }).end(await registry.metrics());
    });
    server.maxConnections = MAX_CONNECTIONS;
    try {
      await once(server.listen(port, host), 'listening');
    } catch (cause) {
      throw new SyscribeError('ERR_LISTEN', `cannot offer metrics at ${host}, port ${port}`, {
        cause,
        remedy: 'Choose an address of this machine and a port that nobody else listens at.',
      });
    }
    return new MetricsServer(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
