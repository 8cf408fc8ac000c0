import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { endLeftovers } from '../../run/leftovers.ts';

test('what a stopped run has left is ended, in whatever process group it is; what others run is not', async (context) => {
  const [ours, others] = [crypto.randomUUID(), crypto.randomUUID()].map((mark) => {
    const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', env: { ...process.env, LEFT_BY: mark } });
    context.after(() => child.kill('SIGKILL'));
    return { child, mark };
  });
  assert.ok(ours && others);
  const ended = once(ours.child, 'exit');
  assert.deepEqual(endLeftovers(`LEFT_BY=${ours.mark}`), [ours.child.pid]);
  assert.deepEqual(await ended, [null, 'SIGTERM']);
  assert.equal(others.child.exitCode ?? others.child.signalCode, null);
});
