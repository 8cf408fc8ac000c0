import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Enforced, enforcedOf } from '../../../../src/api/rollout.ts';
import { DAEMONS, limits, node, profile } from './support.ts';

const allow = (...names: string[]) => ({ syscalls: [{ names, action: 'SCMP_ACT_ALLOW' as const }] });
const rollout = { mode: 'Audit' as const };
/** A profile of which something was enforced. */
const after = (enforced: Enforced, now: ReturnType<typeof profile>) => ({ ...now, status: { enforced } });

test('in Audit the file logs, and is what is meant once that is enforced', async (context) => {
  const { agent, put, is, file, until } = await node(context);
  const audit = profile('web', { ...allow('read'), rollout });
  put(audit);
  agent();
  await is('web', 'Installed');
  assert.deepEqual([file('web').defaultAction, file('web').syscalls], ['SCMP_ACT_LOG', audit.spec.syscalls]);
  put(after(enforcedOf(audit), audit));
  await until(() => file('web').defaultAction === 'SCMP_ACT_ERRNO');
  const { rollout: _, ...meant } = audit.spec;
  assert.deepEqual(file('web'), meant);
});

test('an update in Audit logs what was let through before, and refuses the rest, with bases', async (context) => {
  const { agent, put, is, file } = await node(context);
  const before = profile('web', allow('read', 'mkdir'));
  put(profile('base', allow('exit')));
  const next = profile('web', { ...allow('read'), baseProfileName: 'base', rollout }, { generation: 2 });
  put(after(enforcedOf(before), next));
  agent();
  await is('web', 'Installed');
  const actions = Object.fromEntries(
    file('web').syscalls.flatMap((rule: { names: string[]; action: string }) =>
      rule.names.map((name) => [name, rule.action]),
    ),
  );
  assert.deepEqual(actions, { exit: 'SCMP_ACT_ALLOW', mkdir: 'SCMP_ACT_LOG', read: 'SCMP_ACT_ALLOW' });
  assert.equal(file('web').defaultAction, 'SCMP_ACT_ERRNO');
});

test('what was enforced stays where it cannot be told any more, which is told', async (context) => {
  const { agent, put, is, file, status } = await node(context);
  const based = profile('based', { ...allow('read'), baseProfileName: 'gone' });
  put(after(enforcedOf(based), profile('based', { ...allow('read'), rollout })));
  put(after({ generation: 1, digest: 'of what was' }, profile('web', { ...allow('read'), rollout })));
  agent();
  await is('web', 'Error');
  assert.equal(file('web'), undefined);
  const message = (of: string) => status(of)?.status?.conditions?.[0]?.message ?? '';
  assert.match(message('web'), /too large to be kept; set rollout.mode to Enforce$/);
  await is('based', 'Error');
  assert.match(message('based'), /what is enforced of it .*no base profile gone/);
});

test('what the administrator does not let through is not let through in Audit either', async (context) => {
  const { agent, put, tells, file } = await node(context);
  put(limits(['read']), DAEMONS);
  put(profile('web', { ...allow('read'), rollout }));
  agent();
  await tells('web Warning ProfileNotAllowed');
  await tells('in Audit; rollout.mode Enforce lets less through');
  assert.equal(file('web'), undefined);
});
