import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { SyscribeError } from './errors.ts';

/** Each check: undefined where all is well, else what is wrong. Checks' names are seen by whoever can reach the port. */
export type Checks = Readonly<Record<string, () => string | undefined>>;

/**
 * Answers for the kubelet's probes: /healthz with 200, or 503 and the checks that fail; /livez with 200 as long as it answers
 * at all, where starting anew would not help whatever fails.
 */
export class HealthServer implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @throws SyscribeError ERR_LISTEN */
  static async listen(
    { host, port }: { readonly host: string; readonly port: number },
    checks: Checks,
  ): Promise<HealthServer> {
    const server = createServer((request, response) => {
      if (request.url === '/livez') {
        response.writeHead(200).end('ok\n');
        return;
      }
      if (request.url !== '/healthz') {
        response.writeHead(404).end();
        return;
      }
      const failing = Object.entries(checks).flatMap(([name, check]) =>
        check() === undefined ? [] : [`${name} failed\n`],
      );
      response.writeHead(failing.length === 0 ? 200 : 503).end(failing.join('') || 'ok\n');
    });
    server.maxConnections = 32;
    try {
      await once(server.listen(port, host), 'listening');
    } catch (cause) {
      throw new SyscribeError('ERR_LISTEN', `cannot offer health at ${host}, port ${port}`, {
        cause,
        remedy: 'Choose a port that nobody else listens at.',
      });
    }
    return new HealthServer(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
