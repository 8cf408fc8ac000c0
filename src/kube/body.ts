/** An answer, or a line of one, is longer than is read. */
export class TooLong extends Error {
  constructor(limit: number) {
    super(`longer than ${limit} bytes`);
  }
}

/** @throws TooLong */
export async function readAll(body: AsyncIterable<Buffer>, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limit) throw new TooLong(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length).toString();
}

/**
 * The lines of a body, whatever chunks it comes in. What stands behind the last line's end was cut off, and is an error.
 * @throws TooLong
 */
export async function* splitLines(body: AsyncIterable<Buffer>, limit: number): AsyncGenerator<string> {
  let begun: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    let from = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      length += end - from;
      if (length > limit) throw new TooLong(limit);
      begun.push(chunk.subarray(from, end));
      yield Buffer.concat(begun, length).toString();
      begun = [];
      length = 0;
      from = end + 1;
    }
    length += chunk.length - from;
    if (length > limit) throw new TooLong(limit);
    if (from < chunk.length) begun.push(chunk.subarray(from));
  }
  if (length > 0) throw new Error('the stream ended within a line');
}
