import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseSeccompRecord } from '../../src/capture/denials.ts';
import { native } from '../../src/capture/native.ts';
import { descriptors, FILTER, finish, until } from './support.ts';

const SECCOMP = 1326;
const LIMIT = { timeout: 60_000 };
const ALLOW = 0x7fff0000;
const LOG = 0x7ffc0000;

const logs = (name: string) =>
  native().buildFilter({ ...FILTER, defaultAction: ALLOW, rules: [{ name, action: LOG, args: [] }] }).program;

suite('audit', LIMIT, () => {
  test('open and close, twice and after', () => {
    const before = descriptors().length;
    const [first, second] = [native().openAudit(() => {}), native().openAudit(() => {})];
    native().drainAudit(first);
    for (const audit of [first, second, first]) native().closeAudit(audit);
    native().drainAudit(first);
    assert.equal(descriptors().length, before);
  });

  test('what seccomp logs arrives, by the loop and by drain', async () => {
    const pids: (number | undefined)[] = [];
    const audit = native().openAudit((type, text) => {
      if (type === SECCOMP) pids.push(parseSeccompRecord(text)?.pid);
    });
    const byLoop = await finish({ filter: logs('execve') });
    await until(() => pids.includes(byLoop.pid));
    const drained = await finish({ filter: logs('execve') });
    while (!pids.includes(drained.pid)) native().drainAudit(audit);
    native().closeAudit(audit);
  });

  test('closing in the callback', async () => {
    const delivered = Promise.withResolvers<void>();
    const audit = native().openAudit(() => {
      native().closeAudit(audit);
      delivered.resolve();
    });
    await finish({ filter: logs('execve') });
    await delivered.promise;
  });

  test('after more than fits has come, the loss is told and the rest still arrives', async (context) => {
    let lost = 0;
    const pids = new Set<number | undefined>();
    const audit = native().openAudit((type, text) => {
      if (type === 0) lost += 1;
      if (type === SECCOMP) pids.add(parseSeccompRecord(text)?.pid);
    });
    // Nothing reads meanwhile: the loop waits for this command.
    const { spawnSync } = await import('node:child_process');
    const { flood } = await import('./support.ts');
    spawnSync(process.execPath, [flood(), 'flood']);
    const after = await finish({ filter: logs('execve') });
    await until(() => pids.has(after.pid));
    context.diagnostic(`lost ${lost} times`);
    assert.ok(lost > 0);
    native().closeAudit(audit);
  });
});
