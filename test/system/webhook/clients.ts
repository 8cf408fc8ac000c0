import { once } from 'node:events';
import { Agent, type RequestOptions, request } from 'node:https';
import { Readable } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';

const AT = { host: '127.0.0.1', rejectUnauthorized: false } as const;
const BLANKS = Buffer.alloc(2 ** 20, ' ');

export interface Reply {
  readonly status: number | undefined;
  readonly text: string;
  readonly milliseconds: number;
}

/** Posts a body as the API server does: at once, with its length. Pieces are sent without. */
export async function post(
  port: number,
  path: string,
  body: string | Buffer | Iterable<Buffer>,
  options: RequestOptions = {},
): Promise<Reply> {
  const began = performance.now();
  using agent = new OwnAgent();
  const sent = request({ ...AT, port, path, method: 'POST', agent: agent.agent, ...options });
  const answered = once(sent, 'response');
  sent.on('error', () => {}); // What is refused is closed while it is still being sent.
  if (typeof body === 'string' || Buffer.isBuffer(body)) sent.end(body);
  else Readable.from(body).pipe(sent);
  const [response] = await answered;
  let text = '';
  for await (const part of response) text += part;
  return { status: response.statusCode, text, milliseconds: performance.now() - began };
}

class OwnAgent implements Disposable {
  readonly agent = new Agent();

  [Symbol.dispose](): void {
    this.agent.destroy();
  }
}

export function* blanks(mebibytes: number): Generator<Buffer> {
  for (let count = 0; count < mebibytes; count++) yield BLANKS;
}

/** Clients that say they will send `said` bytes, send some, and then one at a time; until they are disposed of. */
export class SlowClients implements Disposable {
  readonly #open = new DisposableStack();

  async add(port: number, path: string, said: number, sends: number): Promise<void> {
    const socket = await connection(port);
    this.#open.defer(() => socket.destroy());
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${said}\r\n\r\n`);
    socket.write(Buffer.alloc(sends, ' '));
    const dripping = setInterval(() => socket.write(' '), 100);
    this.#open.defer(() => clearInterval(dripping));
  }

  [Symbol.dispose](): void {
    this.#open.dispose();
  }
}

/** A connection over which nothing is asked. */
export async function connection(port: number): Promise<TLSSocket> {
  const socket = connect({ ...AT, port });
  socket.on('error', () => {}); // It is cut off.
  await once(socket, 'secureConnect');
  return socket;
}
