import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { waitFor } from '../platform/wait.ts';
import type { Hold } from './budget.ts';

/** Why a request is not answered; the text is told to the client, so it says nothing that is not known to it. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;

  constructor(status: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
  }
}

/** What is made room for first; most reviews are smaller. */
const FIRST = 64 * 2 ** 10;

/**
 * The body of a request, which the hold has taken memory for.
 * @throws RequestError 413 beyond `limit` bytes, said or sent; 408 and 503 as the hold does; 400 where it ends too soon.
 */
export async function readBody(request: IncomingMessage, limit: number, hold: Hold): Promise<Uint8Array> {
  const said = request.headers['content-length'];
  const tooLong = () => new RequestError(413, `the request has more than ${limit} bytes`);
  if (said !== undefined && Number(said) > limit) throw tooLong();
  const most = said === undefined ? limit : Number(said);
  let room = new ArrayBuffer(0);
  let length = 0;
  for (;;) {
    const part = await hold.client(nextPart(request), (one) => one?.length ?? 0);
    if (part === undefined) break;
    if (length + part.length > limit) throw tooLong();
    if (length + part.length > room.byteLength) {
      const wanted = Math.min(most, Math.max(FIRST, 2 * room.byteLength, length + part.length));
      await hold.take(wanted - room.byteLength);
      // What it was is given back at once, not when it is collected.
      room = room.transfer(wanted);
    }
    new Uint8Array(room).set(part, length);
    length += part.length;
  }
  hold.ours();
  return new Uint8Array(room, 0, length);
}

/** One part at a time, and none is read before it is asked for; undefined at the end. */
function nextPart(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => () => {
      request.pause().off('data', data).off('end', end).off('close', close).off('error', close);
      act();
    };
    const data = (part: Buffer) => settle(() => resolve(part))();
    const end = settle(() => resolve(undefined));
    const close = settle(() => reject(new RequestError(400, 'the request ended too soon')));
    if (request.readableEnded) resolve(undefined);
    else if (request.destroyed) close();
    else request.on('data', data).on('end', end).on('close', close).on('error', close).resume();
  });
}

/** A text that is written without waiting, or parts of one that are made as the client takes them. */
export type Answer = string | Iterable<string>;

/** Characters of an answer that are written at a time: a few milliseconds of work, between which others have their turn. */
const PART = 16 * 2 ** 10;

/**
 * Writes an answer and waits until the client has taken it.
 * @throws RequestError 408 as the hold does, 400 where the client does not take it.
 */
export async function writeBody(response: ServerResponse, answer: Answer, hold: Hold): Promise<void> {
  let part = '';
  for (const piece of typeof answer === 'string' ? [] : answer) {
    part += piece;
    if (part.length < PART) continue;
    if (response.write(part)) await setImmediate();
    else await taken(response, 'drain', hold);
    part = '';
  }
  response.end(typeof answer === 'string' ? answer : part);
  await taken(response, 'finish', hold);
}

async function taken(response: ServerResponse, event: 'drain' | 'finish', hold: Hold): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once(event, resolve).once('close', resolve);
  try {
    await hold.client(promise, () => PART);
  } finally {
    response.off(event, resolve).off('close', resolve);
  }
  if (response.destroyed && !response.writableFinished)
    throw new RequestError(400, 'the client did not take the answer');
  hold.ours();
}

/** Milliseconds in which a client that is refused may go on sending: as much as nginx gives it (lingering_timeout). */
const LINGERING = 5000;

/**
 * Answers a request whose body has not been read, and ends the connection. What the client still sends is thrown away for a
 * while: closed at once, the connection would be reset, and the client not see the answer.
 */
export async function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  headers: OutgoingHttpHeaders & { readonly status: number },
  text: string,
): Promise<void> {
  const { status, ...others } = headers;
  // What is not read would be taken for the next request.
  response.writeHead(status, { ...others, 'Content-Length': Buffer.byteLength(text), Connection: 'close' });
  response.write(text);
  if (!request.readableEnded && !request.destroyed) {
    const ended = Promise.withResolvers<void>();
    request.once('end', ended.resolve).once('close', ended.resolve);
    request.on('data', () => request.resume()).resume();
    await waitFor(ended.promise, LINGERING);
  }
  response.end();
}

/**
 * What `promise` gives, if it does so in time.
 * @throws RequestError 504
 */
export async function within<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new RequestError(504, `no answer in ${milliseconds} ms`)), milliseconds);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
