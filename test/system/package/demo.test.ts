import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../support/syscribe.ts';

const DEMO = fileURLToPath(new URL('../../../scripts/demo.sh', import.meta.url));

test('the demo records a real server, prints its profile and runs it under that profile; another program is refused', async () => {
  const { code, stdout, stderr } = await run(DEMO);
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.equal(stdout.match(/^hello from nginx$/gm)?.length, 2, 'served while recorded, and under the profile');
  assert.match(stdout, /^kind: SeccompProfile$/m);
  assert.match(stderr, /^syscribe: complete$/m);
  assert.match(stdout, /^nginx did the same work under its own profile\.$/m);
  assert.match(stdout, /\nAnother program was refused\.\n$/);
  // chroot writes its message in pieces, between which ours may stand.
  assert.match(stderr, /syscribe: denied: chroot /);
});
