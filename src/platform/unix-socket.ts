import { once } from 'node:events';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, type Stats } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { SyscribeError } from './errors.ts';

/** struct sockaddr_un, with the name's end; the socket is bound in a directory of its own beside its place. */
const SUN_PATH = 107;
const BESIDE = '/.XXXXXX/s'.length;

/**
 * The place of a Unix socket: held by one server at a time, never open to others than its user, not even while it is made.
 * Dispose it when the server ends.
 */
export class SocketPlace implements Disposable {
  /** Where the server has to listen before publish(). */
  readonly listenAt: string;
  readonly #path: string;
  readonly #directory: string;
  #published: Stats | undefined;

  private constructor(path: string) {
    this.#path = path;
    this.#directory = mkdtempSync(join(dirname(path), '.'));
    this.listenAt = join(this.#directory, 's');
  }

  /**
   * Takes the place of a server that has gone.
   * @throws SyscribeError ERR_LISTEN where somebody listens, where something else than a socket is, or the path is too long.
   */
  static async claim(path: string): Promise<SocketPlace> {
    const longest = Math.max(Buffer.byteLength(path), Buffer.byteLength(dirname(path)) + BESIDE);
    if (longest > SUN_PATH)
      throw failure(path, `its path is longer than Unix sockets allow (${SUN_PATH} bytes)`, 'Choose a shorter path.');
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const there = lstatSync(path, { throwIfNoEntry: false });
      if (there && !there.isSocket())
        throw failure(path, 'it is there and is no socket', 'Remove it, or choose another.');
      if (there && (await answers(path)))
        throw failure(path, 'another server listens there', 'Stop that server, or choose another path.');
      return new SocketPlace(path);
    } catch (cause) {
      if (cause instanceof SyscribeError) throw cause;
      throw failure(path, (cause as Error).message, 'Check that its directory can be written to.');
    }
  }

  /** Puts the socket into its place, once the server listens. */
  publish(): void {
    chmodSync(this.listenAt, 0o600);
    renameSync(this.listenAt, this.#path);
    rmdirSync(this.#directory);
    this.#published = lstatSync(this.#path);
  }

  [Symbol.dispose](): void {
    const there = lstatSync(this.#path, { throwIfNoEntry: false });
    // Whoever took the place meanwhile keeps it.
    if (this.#published && there?.ino === this.#published.ino && there.dev === this.#published.dev)
      rmSync(this.#path, { force: true });
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function answers(path: string): Promise<boolean> {
  const connection = connect(path);
  try {
    await once(connection, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    connection.destroy();
  }
}

function failure(path: string, why: string, remedy: string): SyscribeError {
  return new SyscribeError('ERR_LISTEN', `cannot listen at ${path}: ${why}`, { remedy });
}
