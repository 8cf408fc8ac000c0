import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporary } from '../support/syscribe.ts';

/** A way to the API server that counts connections and can be cut. */
export class Tunnel implements AsyncDisposable {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #target = { host: '', port: 0 };
  #cut = false;
  connections = 0;

  private constructor() {
    this.#server = createServer((socket) => this.#pass(socket));
  }

  static async start(): Promise<Tunnel> {
    const tunnel = new Tunnel();
    await once(tunnel.#server.listen(0, '127.0.0.1'), 'listening');
    return tunnel;
  }

  /** A kubeconfig like that one, which leads through here. */
  through(kubeconfig: string, context: TestContext): string {
    const config = JSON.parse(readFileSync(kubeconfig, 'utf8'));
    const [{ cluster }] = config.clusters;
    const { hostname, port } = new URL(cluster.server);
    this.#target = { host: hostname, port: Number(port || 443) };
    cluster.server = `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    cluster['tls-server-name'] = 'kubernetes';
    const file = join(temporary(context), 'kubeconfig');
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  /** Ends what goes through, and lets nothing through. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  mend(): void {
    this.#cut = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #pass(socket: Socket): void {
    if (this.#cut) {
      socket.resetAndDestroy();
      return;
    }
    this.connections += 1;
    this.#open.add(socket);
    const other = connect(this.#target);
    socket.on('error', () => other.destroy());
    other.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#open.delete(socket);
      other.destroy();
    });
    other.on('close', () => socket.destroy());
    socket.pipe(other).pipe(socket);
  }
}
