import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { renderSpoLog, spoLogRecord } from '../../../../src/stream/output/spo-log.ts';
import { anyEvent, apparmor, seccomp, selinux } from './events.ts';

const now = new Date(2024, 3, 5, 9, 8, 7, 45);

for (const [event, fields] of [
  [
    seccomp,
    'timestamp="1712311872.123:4711" type="seccomp" node="n1" namespace="prod" pod="web-0" container="nginx" executable="/usr/sbin/nginx" pid=20011 syscallID=50 syscallName="listen"',
  ],
  [
    selinux,
    'timestamp="1712311872.123:4711" type="selinux" profile="" node="n1" namespace="" pod="" container="" perm="read open" scontext="a:b:c.process:s0" tcontext="a:b:var_lib_t:s0" tclass="file"',
  ],
  [
    apparmor,
    `timestamp="1712311872.123:4711" type="apparmor" node="n1" namespace="" pod="" container="" executable="sh" pid=4166 apparmor="DENIED" operation="exec" profile="p1" name="/usr/bin/id" extra_info="requested_mask='rx' denied_mask='x'"`,
  ],
] as const) {
  test(`${event.type}: SPO's keys in SPO's order, behind klog's header`, () => {
    const line = renderSpoLog(event, 42, now);
    const header = /^I0405 09:08:07\.045000 {6}42 [\w.]+:\d+\] "audit" logger="log-enricher" /;
    assert.match(line, header);
    assert.equal(line.replace(header, ''), `${fields}\n`);
  });
}

test('milliseconds of the audit id have three digits', () => {
  const { timestamp } = spoLogRecord({ ...seccomp, time: '2024-04-05T10:11:12.005Z' });
  assert.equal(timestamp, '1712311872.005:4711');
});

test('an event is one line, whatever the text in it, and no text can end its quotes', () => {
  fc.assert(
    fc.property(anyEvent, (event) => {
      const line = renderSpoLog(event, 42, now);
      assert.equal(line.indexOf('\n'), line.length - 1);
      assert.doesNotMatch(line.slice(0, -1), /\p{C}|\u2028|\u2029/u);
      const fields = line.slice(line.indexOf('"audit"') + '"audit"'.length, -1);
      assert.match(fields, /^(?: \w+=(?:\d+|"(?:[^"\\]|\\.)*"))+$/u);
      const keys = [...fields.matchAll(/ (\w+)=(?:\d+|"(?:[^"\\]|\\.)*")/gu)].map(([, key]) => key);
      assert.deepEqual(keys, ['logger', ...Object.keys(spoLogRecord(event))]);
    }),
  );
});
