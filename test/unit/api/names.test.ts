import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isDnsLabel,
  parseSessionId,
  profileName,
  sessionId,
  suffixed,
  traceAnnotation,
} from '../../../src/api/names.ts';

test('a recorder makes the kinds it can', () => {
  assert.equal(traceAnnotation('SeccompProfile', 'Logs'), 'io.containers.trace-logs/');
  assert.equal(traceAnnotation('SeccompProfile', 'Bpf'), 'io.containers.trace-bpf/');
  assert.equal(traceAnnotation('SelinuxProfile', 'Logs'), 'io.containers.trace-avcs/');
  assert.equal(traceAnnotation('AppArmorProfile', 'Bpf'), 'io.containers.trace-bpf-apparmor/');
  assert.equal(traceAnnotation('SelinuxProfile', 'Bpf'), undefined);
  assert.equal(traceAnnotation('AppArmorProfile', 'Logs'), undefined);
});

test('a session is told by its annotation and back', () => {
  const session = { recording: 'rec', container: 'web-1', nonce: 'bcdfg', seconds: 1_700_000_000 };
  const text = sessionId(session.recording, session.container, session.nonce, session.seconds);
  assert.equal(text, 'rec_web-1_bcdfg_1700000000');
  assert.deepEqual(parseSessionId(text), session);
});

for (const text of [
  '',
  'a_b_c',
  'a_b_c_1_2',
  'a_b_c_',
  'a_b_c_-1',
  'a_b_c_1e3',
  'a_b_c_01',
  'a_b__1',
  '_b_c_1',
  '../x_b_c_1',
  'A_b_c_1',
  `${'a'.repeat(64)}_b_c_1`,
  'a_b_c_9999999999999999',
])
  test(`${JSON.stringify(text.slice(0, 30))} names no session`, () => {
    assert.equal(parseSessionId(text), undefined);
  });

test('a profile is called after recording, container and what tells the pod from its siblings', () => {
  assert.equal(profileName('rec', 'web', 'alone'), 'rec-web');
  assert.equal(profileName('rec', 'web', 'web-6d5f7c-x2b4z', 'web-6d5f7c-'), 'rec-web-x2b4z');
  assert.equal(profileName('rec', 'web', 'web-0', 'web-'), 'rec-web-0');
  assert.equal(profileName('rec', 'web', 'other', 'web-'), 'rec-web');
  assert.equal(profileName('rec', 'web', 'alone', ''), 'rec-web');
});

test('a suffix keeps profiles of other recordings apart, and their names short enough', () => {
  assert.equal(suffixed('rec-web', 'default', 'u-1'), 'rec-web-dae9df94');
  assert.notEqual(suffixed('rec-web', 'other', 'u-1'), suffixed('rec-web', 'default', 'u-1'));
  const long = suffixed(`${'a'.repeat(243)}-.${'b'.repeat(50)}`, 'default', 'u-1');
  assert.ok(long.length <= 253);
  assert.match(long, /^a{243}-[0-9a-f]{8}$/);
});

test('labels of RFC 1123', () => {
  assert.deepEqual(['a', 'a-1', '0', 'a'.repeat(63)].filter(isDnsLabel).length, 4);
  assert.deepEqual(['', '-a', 'a-', 'a.b', 'A', 'a_b', 'a'.repeat(64), 'a\n'].filter(isDnsLabel), []);
});
