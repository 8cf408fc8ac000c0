import type { IncomingMessage } from 'node:http';

/** Why a request is not answered; the text is told to the client, so it says nothing that is not known to it. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;

  constructor(status: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
  }
}

/**
 * The text of a request.
 * @throws RequestError 413 beyond `limit` bytes, 400 where it is no UTF-8 or ends too soon.
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > limit) throw new RequestError(413, `the request has more than ${limit} bytes`);
      parts.push(part);
    }
  } catch (cause) {
    if (cause instanceof RequestError) throw cause;
    throw new RequestError(400, 'the request ended too soon', cause);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts, length));
  } catch (cause) {
    throw new RequestError(400, 'the request is no UTF-8', cause);
  }
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
