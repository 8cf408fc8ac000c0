import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseSeccompRecord } from '../../../src/capture/denials.ts';

const LINE =
  'audit(1700000000.123:45): auid=4294967295 uid=0 gid=0 ses=4294967295 subj=unconfined pid=123 comm="mkdir" ' +
  'exe="/usr/bin/mkdir" sig=0 arch=c000003e syscall=83 compat=0 ip=0x7f0000000000 code=0x50000';

test('a record of the kernel is read', () => {
  assert.deepEqual(parseSeccompRecord(LINE), { pid: 123, comm: 'mkdir', arch: 0xc000003e, nr: 83, code: 0x50000 });
});

test('a name in hexadecimal is decoded, and forges nothing', () => {
  const name = 'x" pid=1 arch=1';
  const line = LINE.replace('"mkdir"', Buffer.from(name).toString('hex').toUpperCase());
  assert.deepEqual(parseSeccompRecord(line), { pid: 123, comm: name, arch: 0xc000003e, nr: 83, code: 0x50000 });
});

test('what lacks a field is none', () => {
  for (const field of ['pid=123', 'arch=c000003e', 'syscall=83', 'code=0x50000'])
    assert.equal(parseSeccompRecord(LINE.replace(field, '')), undefined, field);
});

test('whatever the bytes: no throw, and never another pid than the first', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      parseSeccompRecord(text);
      assert.equal(parseSeccompRecord(`${LINE} ${text}`)?.pid, 123);
    }),
  );
});
