import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { SyscribeError } from './errors.ts';

const MAX_CONNECTIONS = 32;

export interface MetricsSettings {
  /** HTTPS with this certificate, as PEM; absent: HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Whether who comes with this `Authorization` may read a path: 200, or the status to refuse with. Absent: everybody may. */
  readonly authorize?: (authorization: string | undefined, path: string) => Promise<number>;
  /** Told of each answer. */
  readonly observe?: (status: number) => void;
}

/** Offers registries' metrics over HTTP/1.1, one at each path. */
export class MetricsServer implements AsyncDisposable {
  readonly #server: ReturnType<typeof createServer> | SecureServer;
  readonly #registries: Readonly<Record<string, Registry>>;
  readonly #settings: MetricsSettings;

  private constructor(registries: Readonly<Record<string, Registry>>, settings: MetricsSettings) {
    this.#registries = registries;
    this.#settings = settings;
    const listener: RequestListener = (request, response) => void this.#answer(request, response);
    this.#server = settings.tls
      ? createSecureServer({ ...settings.tls, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] }, listener)
      : createServer(listener);
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** @throws SyscribeError ERR_LISTEN, ERR_CERTIFICATE */
  static async listen(
    { host, port }: { readonly host: string; readonly port: number },
    registries: Readonly<Record<string, Registry>>,
    settings: MetricsSettings = {},
  ): Promise<MetricsServer> {
    let server: MetricsServer;
    try {
      server = new MetricsServer(registries, settings);
    } catch (cause) {
      const remedy = 'Give a certificate and its key as PEM.';
      throw new SyscribeError('ERR_CERTIFICATE', 'the certificate of the metrics cannot be used', { cause, remedy });
    }
    try {
      await once(server.#server.listen(port, host), 'listening');
    } catch (cause) {
      throw new SyscribeError('ERR_LISTEN', `cannot offer metrics at ${host}, port ${port}`, {
        cause,
        remedy: 'Choose an address of this machine and a port that nobody else listens at.',
      });
    }
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** For connections made from now on. @throws where it cannot be used; the old one stays then. */
  renew(tls: NonNullable<MetricsSettings['tls']>): void {
    if ('setSecureContext' in this.#server) this.#server.setSecureContext({ ...tls, minVersion: 'TLSv1.2' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authorize, observe } = this.#settings;
    const path = request.url?.split('?')[0] ?? '/';
    const registry = Object.hasOwn(this.#registries, path) ? this.#registries[path] : undefined;
    let status = registry ? 200 : 404;
    if (registry && request.method !== 'GET' && request.method !== 'HEAD') status = 405;
    if (registry && status === 200 && authorize) status = await authorize(request.headers.authorization, path);
    observe?.(status);
    if (registry && status === 200)
      response.writeHead(200, { 'Content-Type': registry.contentType }).end(await registry.metrics());
    else if (status === 405) response.writeHead(405, { Allow: 'GET, HEAD' }).end();
    else if (status === 404)
      response.writeHead(404).end(`metrics are at ${Object.keys(this.#registries).join(', ')}\n`);
    else response.writeHead(status, status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}).end();
  }
}
