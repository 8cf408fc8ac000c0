import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import type { EnrichedEvent } from '../../../../src/stream/event.ts';
import { renderPretty } from '../../../../src/stream/output/pretty.ts';
import { anyEvent, apparmor, seccomp, selinux } from './events.ts';

// Local time is what a person reads; this process's own zone, with minutes, so that UTC would be told apart.
process.env.TZ = 'Asia/Kolkata';

for (const [what, event, columns] of [
  [
    'a call of a container',
    seccomp,
    ['15:41:12.123', 'log', 'prod/web-0/nginx', 'nginx[20011] /usr/sbin/nginx', 'listen (x86_64 50)'],
  ],
  [
    'a call without a name, of the host',
    {
      ...seccomp,
      container: undefined,
      seccomp: { number: 999, arch: '0x1', action: 'errno' },
    } as unknown as EnrichedEvent,
    ['15:41:12.123', 'errno', 'host', 'nginx[20011] /usr/sbin/nginx', 'unknown (0x1 999)'],
  ],
  [
    'a file, of a process that goes on',
    selinux,
    [
      '15:41:12.123',
      'denied, let',
      'host',
      'redis[4242]',
      '{ read open } file /x a:b:c.process:s0 -> a:b:var_lib_t:s0',
    ],
  ],
  [
    'a program, of a container that has only an id',
    apparmor,
    ['15:41:12.123', 'DENIED', '0123456789ab', 'sh[4166]', 'exec by p1: /usr/bin/id (x)'],
  ],
] as const) {
  test(`one line tells of ${what}`, () => {
    const line = renderPretty(event, false);
    assert.ok(line.endsWith('\n'));
    assert.deepEqual(line.trimEnd().split(/ {2,}/), columns);
  });
}

test('columns stand under each other', () => {
  const starts = [seccomp, selinux].map((event) => renderPretty(event, false).indexOf(`${event.process?.comm}[`));
  assert.equal(starts[0], starts[1]);
});

test('colours are given when asked for only, and change nothing else', () => {
  for (const event of [seccomp, selinux, apparmor]) {
    const plain = renderPretty(event, false);
    const colored = renderPretty(event, true);
    assert.ok(!plain.includes('\x1b'));
    assert.ok(colored.includes('\x1b['));
    assert.equal(stripVTControlCharacters(colored), plain);
  }
});

test('no text of an event reaches the terminal as anything but visible characters', () => {
  fc.assert(
    fc.property(anyEvent, (event) => {
      const line = renderPretty(event, false);
      assert.doesNotMatch(line.slice(0, -1), /[\p{C}\p{Zl}\p{Zp}]/u);
      assert.equal(line.at(-1), '\n');
    }),
  );
});

test('what was hidden is told by its number', () => {
  const comm = 'a\x1b[2J\x9b1A\u202e\r';
  const line = renderPretty({ ...seccomp, process: { pid: 1, comm } }, false);
  assert.ok(line.includes('a\\u{1b}[2J\\u{9b}1A\\u{202e}\\u{d}[1]'), line);
});
