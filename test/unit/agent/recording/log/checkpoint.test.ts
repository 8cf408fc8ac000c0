import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Checkpoint, CheckpointFile } from '../../../../../src/agent/recording/log/checkpoint.ts';

const CHECKPOINT: Checkpoint = {
  time: 1_700_000_000_000,
  done: ['one'],
  position: {
    inode: '1:2',
    offset: 3,
    head: { length: 3, sha256: 'a'.repeat(64) },
    serials: { last: 9, missing: [7] },
  },
  kernelLost: 4,
};

function file(context: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-checkpoint-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'audit-log.json');
  return { path, open: (boot?: string) => new CheckpointFile(path, boot) };
}

test('what one process kept the next one reads', (context) => {
  const { open } = file(context);
  assert.equal(open().read(), undefined);
  open().write(CHECKPOINT);
  assert.deepEqual(open().read(), CHECKPOINT);
  open().remove();
  assert.equal(open().read(), undefined);
});

test('of another boot nothing is read on from, but who was recorded is known', (context) => {
  const { open } = file(context);
  open('before').write(CHECKPOINT);
  assert.deepEqual(open('now').read(), { time: CHECKPOINT.time, done: CHECKPOINT.done });
});

test('what is no checkpoint is told as that', (context) => {
  const { path, open } = file(context);
  for (const text of ['', '{}', 'null', '{"version":1,"time":1,"done":[1]}']) {
    writeFileSync(path, text);
    assert.throws(() => open().read(), Error, text);
  }
});

test('a position that is none is left out', (context) => {
  const { path, open } = file(context);
  open('now').write({ ...CHECKPOINT, position: { ...CHECKPOINT.position, inode: 7 } as never });
  assert.equal(open('now').read()?.position, undefined, path);
});
