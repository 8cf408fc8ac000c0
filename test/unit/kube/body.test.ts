import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readAll, splitLines, TooLong } from '../../../src/kube/body.ts';

/** The same bytes, cut at such places. */
async function* cut(bytes: Buffer, lengths: readonly number[]) {
  let from = 0;
  for (const length of lengths) {
    yield bytes.subarray(from, from + length);
    from += length;
  }
  yield bytes.subarray(from);
}

async function collect(source: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of source) all.push(line);
  return all;
}

const lines = fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll('\n', '')));
const lengths = fc.array(fc.nat({ max: 9 }));

test('lines are the same, whatever chunks they come in', () =>
  fc.assert(
    fc.asyncProperty(lines, lengths, async (wanted, sizes) => {
      const bytes = Buffer.from(wanted.map((line) => `${line}\n`).join(''));
      assert.deepEqual(await collect(splitLines(cut(bytes, sizes), 1000)), wanted);
      assert.equal(await readAll(cut(bytes, sizes), bytes.length), bytes.toString());
    }),
  ));

test('what is longer than its limit is refused before it is whole', async () => {
  const endless = async function* () {
    for (;;) yield Buffer.from('xxxx');
  };
  await assert.rejects(collect(splitLines(endless(), 10)), TooLong);
  await assert.rejects(readAll(endless(), 10), TooLong);
  assert.deepEqual(await collect(splitLines(cut(Buffer.from('xxxxx\n'), [2]), 5)), ['xxxxx']);
});

test('a line without its end is an error', async () => {
  await assert.rejects(collect(splitLines(cut(Buffer.from('a\nb'), []), 10)), /ended within a line/);
});
