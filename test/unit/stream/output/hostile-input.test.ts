import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyscribeError } from '../../../../src/platform/errors.ts';
import { accepts, parseFilter } from '../../../../src/stream/output/filter.ts';
import { renderPretty } from '../../../../src/stream/output/pretty.ts';
import { SpoJsonBuckets } from '../../../../src/stream/output/spo-json.ts';
import { renderSpoLog } from '../../../../src/stream/output/spo-log.ts';
import { apparmor, seccomp, selinux } from './events.ts';

for (const key of ['constructor', 'toString', '__proto__', 'process/constructor', 'selinux/permissions/length']) {
  test(`a filter does not find ${key} in an event that has no such thing`, () => {
    const filter = parseFilter([JSON.stringify([{ level: 'None', matchKeys: [key] }])]);
    assert.ok(accepts(filter, { ...seccomp, ...selinux }));
  });
}

for (const value of [' ', '0x0', '0.0', '0e5']) {
  test(`${JSON.stringify(value)} is not the number 0 to a filter`, () => {
    assert.ok(!accepts(parseFilter([`uid=${value}`]), { uid: 0 }));
  });
}

for (const text of ['a..b=1', 'a.=1', 'a/=1']) {
  test(`${text}, which no event can have, is refused`, () => {
    assert.throws(
      () => parseFilter([text]),
      (error) => error instanceof SyscribeError && error.code === 'ERR_USAGE',
    );
  });
}

test('too many values of a rule are told as that', () => {
  const rule = { level: 'None', matchKeys: ['a'], matchValues: Array(1001).fill('b') };
  assert.throws(() => parseFilter([JSON.stringify([rule])]), /rule 1: matchValues has more than 1000 entries/);
});

test('a forged verdict does not move the cursor', () => {
  const line = renderPretty({ ...apparmor, apparmor: { verdict: '\x1b[2J\u202e' } }, false);
  assert.ok(line.includes('\\u{1b}[2J\\u{202e}'), line);
  assert.doesNotMatch(line.trimEnd(), /\p{C}/u);
});

test('a process that calls numbers at random gets several records, and none of its calls is lost', () => {
  const buckets = new SpoJsonBuckets(() => ({}), 60_000);
  const lines = Array.from({ length: 5000 }, (_, number) =>
    buckets.add({ ...seccomp, seccomp: { number, arch: 'x86_64', action: 'log' } }, 0),
  ).flat();
  const records = [...lines, ...buckets.flush()].map((line) => JSON.parse(line).syscalls);
  assert.deepEqual(
    records.map((syscalls) => syscalls.length),
    [2048, 2048, 904],
  );
  assert.equal(new Set(records.flat()).size, 5000);
});

test('a user that is not known is not taken for root', () => {
  const buckets = new SpoJsonBuckets(() => ({}), 1000);
  buckets.add({ ...seccomp, process: { pid: 1 } }, 0);
  const { uid, gid } = JSON.parse(buckets.flush()[0] ?? '');
  assert.deepEqual([uid, gid], [0xffffffff, 0xffffffff]);
});

test("text is quoted as Go's strconv.Quote does it", () => {
  const name = '\u0007\b\t\n\v\f\r"\\\u001b\u007f\u0085\u00a0\u202e\u{e0001}\ud800é 漢';
  const line = renderSpoLog({ ...apparmor, apparmor: { verdict: 'DENIED', name } }, 1, new Date());
  const quoted = String.raw`name="\a\b\t\n\v\f\r\"\\\x1b\x7f\u0085\u00a0\u202e\U000e0001\ufffdé 漢"`;
  assert.ok(line.includes(quoted), line);
});
