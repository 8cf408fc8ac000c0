import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeFormat } from '../../../../src/stream/output/formats.ts';
import { anyEvent, apparmor, seccomp } from './events.ts';

const json = makeFormat('json', { color: true, interval: 1 });

test('an event is one line of JSON that says all of it, whatever the text in it', () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 3 }), (events) => {
      const lines = json.lines(events).split('\n');
      assert.equal(lines.pop(), '');
      assert.deepEqual(
        lines.map((line) => JSON.parse(line)),
        events,
      );
    }),
  );
});

test('the line is text that UTF-8 can carry: nothing is lost on its way through a file', () => {
  fc.assert(
    fc.property(anyEvent, (event) => {
      const line = json.lines([event]);
      assert.equal(Buffer.from(line).toString(), line);
    }),
  );
});

test('absent parts are left out, and nothing is kept back', () => {
  assert.deepEqual(Object.keys(JSON.parse(json.lines([apparmor]))), [
    'time',
    'serial',
    'node',
    'type',
    'container',
    'process',
    'apparmor',
  ]);
  assert.equal(json.lines([seccomp, seccomp]).split('\n').length, 3);
  assert.equal(json.due(true), '');
  assert.equal(json.keptSince, undefined);
});
