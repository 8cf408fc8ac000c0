import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyscribeError } from '../../../../src/platform/errors.ts';
import { accepts, parseFilter } from '../../../../src/stream/output/filter.ts';
import { spoLogRecord } from '../../../../src/stream/output/spo-log.ts';
import { apparmor, seccomp, selinux } from './events.ts';

const wanted = (texts: readonly string[], event = seccomp) =>
  accepts(parseFilter(texts), { ...event }, spoLogRecord(event));
const rules = (...list: object[]) => [JSON.stringify(list)];
const drop = (matchKeys: string[], matchValues?: string[]) => rules({ level: 'None', matchKeys, matchValues });

test('without a filter every event is wanted', () => assert.ok(wanted([])));

for (const [text, kept] of [
  ['type=seccomp', true],
  ['type=selinux', false],
  ['type=selinux,seccomp', true],
  ['type!=seccomp', false],
  ['type!=selinux,apparmor', true],
  ['container.namespace=prod', true],
  ['container/namespace=prod', true],
  ['container.namespace=test', false],
  ['namespace=prod', true],
  ['process.uid=101', true],
  ['process.uid=0101', true],
  ['process.uid=10', false],
  ['pid=20011', true],
  ['syscallName=listen', true],
  ['seccomp=listen', false],
  ['nothing.of.this=1', false],
  ['nothing.of.this!=1', true],
  ['process.exe=/usr/sbin/nginx', true],
] as const) {
  test(`${text} ${kept ? 'keeps' : 'drops'} a seccomp event`, () => assert.equal(wanted([text]), kept));
}

test('several terms have to hold together', () => {
  assert.ok(wanted(['type=seccomp', 'process.comm=nginx']));
  assert.ok(!wanted(['type=seccomp', 'process.comm=redis']));
});

test('an array matches by any of its elements', () => {
  assert.ok(wanted(['selinux.permissions=open'], selinux));
  assert.ok(!wanted(['selinux.permissions=write'], selinux));
  assert.ok(!wanted(drop(['selinux/permissions'], ['write', 'read']), selinux));
});

for (const [what, texts, kept] of [
  ['no rule', ['[]'], true],
  ['a rule without keys', rules({ level: 'None' }), true],
  ['a rule without values', drop(['syscallName']), false],
  ['a key that the event has not', drop(['requestUID']), true],
  ['any of two keys', drop(['requestUID', 'syscallName'], ['listen']), false],
  ['a value', drop(['syscallName'], ['listen']), false],
  ['another value', drop(['syscallName'], ['read']), true],
  ['a number among other numbers', drop(['syscallID'], ['49', '050', '51']), false],
  ['a nested key of numbers', drop(['process/uid'], ['1', '101']), false],
  ['a nested key of text', drop(['container/pod'], ['web-0']), false],
] as const) {
  test(`SPO's rules: ${what} ${kept ? 'keeps' : 'drops'} the event`, () => assert.equal(wanted(texts), kept));
}

test('the rule of least priority that matches decides, wherever it stands; of equal ones the first', () => {
  const keep = (priority: number) => ({ priority, level: 'Metadata', matchKeys: ['pod'] });
  const no = (priority: number) => ({ priority, level: 'None', matchKeys: ['pod'] });
  assert.ok(wanted(rules(no(2), keep(1))));
  assert.ok(!wanted(rules(keep(2), no(1))));
  assert.ok(!wanted(rules(no(1), keep(1))));
  assert.ok(wanted(rules(keep(1), no(1))));
});

test('names of fields are read whatever their case', () => {
  assert.ok(!wanted(rules({ LEVEL: 'None', matchkeys: ['pod'], MatchValues: ['web-0'], Priority: -1 })));
});

test('rules and terms go together', () => {
  assert.ok(!wanted(['type=seccomp', ...drop(['pod'])]));
  assert.ok(!wanted(['type=selinux', ...rules({ level: 'Metadata', matchKeys: ['pod'] })]));
});

test('what our JSON and what SPO call the same thing both match', () => {
  assert.ok(wanted(['apparmor=DENIED'], apparmor));
  assert.ok(wanted(['apparmor.verdict=DENIED'], apparmor));
});

for (const [text, says] of [
  ['', /neither key=value nor a JSON array/],
  ['type', /neither key=value/],
  ['=x', /neither key=value/],
  ['{"level":"None"}', /neither key=value nor a JSON array/],
  ['[{]', /not JSON/],
  ['[1]', /rule 1 is not an object/],
  ['[{"level":"None"},[]]', /rule 2 is not an object/],
  ['[{"level":"None","matchkey":["a"]}]', /rule 1 .*matchkey/],
  ['[{"level":"none"}]', /rule 1: level/],
  ['[{}]', /rule 1: level/],
  ['[{"level":"None"},{"level":"None","priority":"1"}]', /rule 2: priority/],
  ['[{"level":"None","priority":1.5}]', /rule 1: priority/],
  ['[{"level":"None","matchKeys":"pod"}]', /rule 1: matchKeys/],
  ['[{"level":"None","matchValues":[50]}]', /rule 1: matchValues/],
  [JSON.stringify(Array.from({ length: 1001 }, () => ({ level: 'None' }))), /more than 1000 rules/],
  [JSON.stringify([{ level: 'None', matchKeys: Array(1001).fill('a') }]), /rule 1: matchKeys/],
] as const) {
  test(`${text.slice(0, 60)} is refused, and it is said what is wrong`, () => {
    assert.throws(
      () => parseFilter([text]),
      (error) =>
        error instanceof SyscribeError && error.code === 'ERR_USAGE' && says.test(error.message) && !!error.remedy,
    );
  });
}
