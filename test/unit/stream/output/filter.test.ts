import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepts, parseFilter } from '../../../../src/stream/output/filter.ts';
import { spoLogRecord } from '../../../../src/stream/output/spo-log.ts';
import { SECCOMP, SELINUX } from './events.ts';

function wanted(...texts: string[]): boolean {
  return accepts(parseFilter(texts), { ...SECCOMP }, spoLogRecord(SECCOMP));
}

for (const [text, expected] of [
  ['type=seccomp', true],
  ['type=selinux', false],
  ['type!=selinux', true],
  ['container.namespace=test,prod', true],
  ['container/namespace=test', false],
  ['process.pid=20011', true],
  ['process.uid!=101', false],
  ['syscallName=listen', true],
  ['syscallID=50', true],
  ['nosuch=x', false],
  ['nosuch!=x', true],
] as const)
  test(`${text}: ${expected}`, () => assert.equal(wanted(text), expected));

test('several terms all have to hold', () => {
  assert.ok(wanted('type=seccomp', 'process.comm=nginx'));
  assert.ok(!wanted('type=seccomp', 'process.comm=redis'));
});

const rule = (level: string, keys: string[], values?: string[], priority = 1) => ({
  priority,
  level,
  matchKeys: keys,
  ...(values && { matchValues: values }),
});

for (const [what, rules, expected] of [
  ['none: wanted', [], true],
  ['a rule that matches decides', [rule('None', ['syscallName'], ['listen'])], false],
  ['one that does not match does not', [rule('None', ['syscallName'], ['read'])], true],
  ['any of its keys', [rule('None', ['nosuch', 'pod'], ['web-1'])], false],
  ['presence, without values', [rule('None', ['executable'])], false],
  ['numbers, behind others', [rule('None', ['pid'], ['1', '2', '20011'])], false],
  ['unsigned ones of ours', [rule('None', ['process/uid'], ['101'])], false],
  ['the lowest priority first', [rule('None', ['pod'], undefined, 2), rule('Metadata', ['pod'], undefined, 1)], true],
  ['without keys it never matches', [rule('None', [])], true],
] as const)
  test(`SPO's rules: ${what}`, () => assert.equal(wanted(JSON.stringify(rules)), expected));

test('an array matches by any of its elements; names of fields whatever their case', () => {
  const filter = parseFilter([
    '[{"Priority":1,"LEVEL":"None","matchkeys":["selinux/permissions"],"MatchValues":["open"]}]',
  ]);
  assert.ok(!accepts(filter, { ...SELINUX }));
});

for (const [text, message] of [
  ['x', /neither key=value nor/],
  ['[{', /not JSON/],
  ['[1]', /rule 1 is not an object/],
  ['[{"level":"None"},{"level":"Some"}]', /rule 2: level/],
  ['[{"level":"None","matchLabels":[]}]', /rule 1 has a field matchlabels/],
  ['[{"level":"None","priority":"x"}]', /priority is not a whole number/],
  ['[{"level":"None","matchKeys":[1]}]', /matchKeys is not an array of strings/],
] as const)
  test(`refused: ${text}`, () => assert.throws(() => parseFilter([text]), { code: 'ERR_USAGE', message }));
