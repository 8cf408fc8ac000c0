import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf, enforcedOf, type NodeRollout, type Rollout } from '../../../../src/api/rollout.ts';
import type { SeccompProfile } from '../../../../src/api/types.ts';
import { cleanTime } from '../../../../src/operator/rollout/clock.ts';
import { decide } from '../../../../src/operator/rollout/decide.ts';
import { nextRollout } from '../../../../src/operator/rollout/next.ts';
import { promotionText } from '../../../../src/operator/rollout/tell.ts';
import { nodeStatus, profile } from '../profiles/samples.ts';

const NOW = new Date('2026-02-03T04:00:00.000Z');
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000).toISOString();
const stretch = (from: number, until: number) => ({ cleanFrom: at(from), cleanUntil: at(until) });

test('time that several nodes were clean in counts once, and gaps do not count', () => {
  assert.deepEqual(cleanTime({}, []), {});
  assert.deepEqual(cleanTime({}, [stretch(50, 60), stretch(0, 30), stretch(20, 40)]), {
    cleanSeconds: 50,
    cleanUntil: at(60),
  });
});

test('what was counted before is not counted again, and parts of seconds are not lost', () => {
  const one = cleanTime({}, [stretch(0, 10.6)]);
  assert.deepEqual(one, { cleanSeconds: 10, cleanUntil: at(10) });
  assert.equal(cleanTime(one, [stretch(0, 20.5), stretch(5, 12)]).cleanSeconds, 20);
  assert.deepEqual(cleanTime(one, [stretch(0, 10.6)]), one);
  assert.equal(cleanTime(one, [stretch(100, 105)]).cleanSeconds, 15);
});

const told = (more: Partial<Rollout> = {}): Rollout => ({
  ...{ mode: 'Audit', generation: 2, digest: 'd', since: at(0), cleanSeconds: 3600, containers: 3, nodes: 2, ...more },
});
const denied = [{ syscall: 'mkdir', workload: 'w', count: 1, last: at(0) }];

const DECISIONS: readonly [what: string, SeccompProfile['spec']['rollout'], Rollout, string[], string][] = [
  ['long enough', { promoteAfter: '1h' }, told(), [], 'True promoted'],
  ['not long enough', { promoteAfter: '1h1s' }, told(), [], 'True'],
  ['a day by default', {}, told(), [], 'True'],
  ['as many containers', { promoteAfter: '1h', minContainers: 3 }, told(), [], 'True promoted'],
  ['too few containers', { promoteAfter: '1h', minContainers: 4 }, told(), [], 'True'],
  ['too few nodes', { promoteAfter: '1h', minNodes: 3 }, told(), [], 'True'],
  ['nothing ran', { promoteAfter: '1s' }, told({ containers: 0 }), [], 'Unknown'],
  ['a node that does not see', { promoteAfter: '1s' }, told(), ['n1: no log'], 'Unknown'],
  ['a call', { promoteAfter: '1s' }, told({ denied }), [], 'False'],
  ['a call, and a node that does not see', { promoteAfter: '1s' }, told({ denied }), ['n1: no log'], 'False'],
  ['calls that had no room', { promoteAfter: '1s' }, told({ deniedLeft: 1 }), [], 'False'],
  ['enforced', { promoteAfter: '1s' }, told({ mode: 'Enforce' }), [], 'True'],
  ['enforced, and a call', { promoteAfter: '1s' }, told({ mode: 'Enforce', denied }), [], 'False'],
];

for (const [what, wanted = {}, rollout, unwatched, expected] of DECISIONS)
  test(`with ${what} it is ${expected}`, () => {
    const { promote, clean } = decide(wanted, rollout, unwatched);
    assert.equal(`${clean.status}${promote ? ' promoted' : ''}`, expected);
    assert.equal(clean.observedGeneration, 2);
  });

test('the condition names calls, twenty at most', () => {
  const many = Array.from({ length: 25 }, (_, index) => ({ ...denied[0], syscall: `call${index + 10}` }));
  const { clean } = decide({}, told({ denied: many as typeof denied }), []);
  assert.match(clean.message, /^would be refused: call10, .*call29 and 5 others;/);
});

function audited(status: SeccompProfile['status'] = {}, rollout: object = {}): SeccompProfile {
  const spec = { rollout: { mode: 'Audit', promoteAfter: '1m', ...rollout } };
  return { ...profile('web', { generation: 3 }, spec), status };
}
const DIGEST = digestOf(audited().spec);
function node(name: string, rollout: Partial<NodeRollout> = {}, pods = 1) {
  const tells: NodeRollout = { digest: DIGEST, mode: 'Audit', stream: 'Alive', ...rollout };
  return nodeStatus('web', name, { status: 'Installed', pods, rollout: tells });
}

test('a profile in Audit begins with nothing, whatever was told of another generation', () => {
  const before = told({ denied, digest: 'of another' });
  const { rollout, enforced, clean } = nextRollout(audited({ rollout: before }), [node('a', { digest: 'x' })], NOW);
  assert.deepEqual(rollout, { mode: 'Audit', generation: 3, digest: DIGEST, since: NOW.toISOString() });
  assert.equal(enforced, undefined);
  assert.match(clean?.message ?? '', /^a: it has not told yet/);
});

test('what nodes tell is summed, and stays when a node goes', () => {
  const generations = [{ generation: 3, mode: 'Audit', pods: 2 }] as const;
  const nodes = [
    node('a', { ...stretch(0, 20), containers: 2, running: generations }),
    node('b', { ...stretch(10, 30), containers: 1, running: generations, mixed: 1 }),
  ];
  const { rollout } = nextRollout(audited(), nodes, NOW);
  assert.deepEqual(
    [rollout?.cleanSeconds, rollout?.containers, rollout?.nodes, rollout?.running, rollout?.mixed],
    [30, 3, 2, [{ generation: 3, mode: 'Audit', pods: 4 }], 1],
  );
  const later = nextRollout(audited({ ...(rollout && { rollout }) }), [], NOW);
  assert.deepEqual([later.rollout?.containers, later.rollout?.nodes, later.rollout?.cleanSeconds], [3, 2, 30]);
});

test('a call that was told holds it though the node that told it is gone, and its clock stands still', () => {
  const nodes = [node('a', { ...stretch(0, 20), containers: 1, denied })];
  const before: Rollout = {
    mode: 'Audit',
    generation: 3,
    digest: DIGEST,
    since: at(0),
    cleanSeconds: 5,
    cleanUntil: at(0),
  };
  const { rollout } = nextRollout(audited({ rollout: before }), nodes, NOW);
  assert.deepEqual([rollout?.denied, rollout?.cleanSeconds], [denied, 5]);
  const later = nextRollout(
    audited({ ...(rollout && { rollout }) }),
    [node('b', { ...stretch(0, 90), containers: 1 })],
    NOW,
  );
  assert.deepEqual([later.promoted, later.rollout?.denied, later.clean?.status], [undefined, denied, 'False']);
});

test('a node that counts and has told nothing for long holds it, one that does not count need not', () => {
  const clean = { ...stretch(0, 60), containers: 1, counting: true };
  const late = (counting: boolean) => [
    node('a', { ...stretch(300, 360), counting: true }),
    node('b', { ...clean, counting }),
  ];
  const now = new Date(at(361));
  const silent = nextRollout(audited(), late(true), now);
  assert.deepEqual([silent.clean?.status, silent.promoted], ['Unknown', undefined]);
  assert.match(silent.clean?.message ?? '', /^b: it has told nothing since /);
  assert.equal(nextRollout(audited(), late(false), now).promoted?.mode, 'Enforce');
});

test('promoted, it is what is enforced, and stays so while it says the same', () => {
  const nodes = [node('a', { ...stretch(0, 60), containers: 1 })];
  const { promoted, enforced, rollout, clean } = nextRollout(audited(), nodes, NOW);
  assert.equal(promoted?.mode, 'Enforce');
  assert.deepEqual(enforced, enforcedOf(audited()));
  assert.equal(clean?.reason, 'Enforced');
  const status = { ...(rollout && { rollout }), ...(enforced && { enforced }) };
  const longer = nextRollout(audited(status, { promoteAfter: '9h' }), nodes, new Date(at(100)));
  assert.deepEqual([longer.promoted, longer.rollout], [undefined, rollout]);
  const other = { ...audited(status), spec: { ...audited().spec, defaultAction: 'SCMP_ACT_KILL' } } as SeccompProfile;
  const next = nextRollout(other, [], NOW);
  assert.deepEqual([next.rollout?.mode, next.enforced], ['Audit', enforced]);
});

test('a pod on a node that does not see holds it, a node without pods does not', () => {
  const clean = { ...stretch(0, 60), containers: 1 };
  const blind = (pods: number) => [node('a', clean), node('b', { stream: 'Down', message: 'no log' }, pods)];
  assert.equal(nextRollout(audited(), blind(1), NOW).clean?.message, 'b: no log');
  assert.equal(nextRollout(audited(), blind(0), NOW).promoted?.mode, 'Enforce');
});

test('what is enforced without a roll-out is kept once a node has it, and not of what no node could install', () => {
  const plain = profile('web', { generation: 7 });
  const ready = { type: 'Ready', status: 'True', reason: 'r', message: '', lastTransitionTime: '' } as const;
  const has = (observedGeneration: number) =>
    nodeStatus('web', 'a', { status: 'Installed', conditions: [{ ...ready, observedGeneration }] });
  assert.deepEqual(nextRollout(plain, [has(6)], NOW), {});
  assert.deepEqual(nextRollout(plain, [nodeStatus('web', 'a', { status: 'Error' })], NOW), {});
  const found = nextRollout(plain, [has(7)], NOW);
  assert.deepEqual(found, { enforced: enforcedOf(plain) });
  // To be rolled out from now on, it is no update.
  const later = nextRollout(
    { ...audited(), spec: { ...plain.spec, rollout: { mode: 'Audit' } }, status: found },
    [],
    NOW,
  );
  assert.equal(later.rollout?.mode, 'Enforce');
});

test('whoever promotes is told what has to be made anew', () => {
  const text = promotionText(told({ running: [{ generation: 2, mode: 'Audit', pods: 4 }] }));
  assert.match(text, /^generation 2 is enforced from now on: 3600 s .*: 4 pods need a restart/);
});
