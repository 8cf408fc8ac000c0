import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCgroup } from '../support/kernel.ts';
import { observed, readEvidence, run, start, syscribe, temporary } from '../support/syscribe.ts';
import { IMAGES, makeBundle } from './bundle.ts';
import { makeRoot } from './root.ts';
import { Runtime } from './runtime.ts';

test('--container finds a running container by the beginning of its id and says that it began late', async (context) => {
  const [image] = IMAGES;
  assert.ok(image);
  const cgroup = makeCgroup(context);
  const id = `abc${process.pid}def`;
  const args = ['/bin/sh', '-c', 'echo up; while [ ! -e /data/go ]; do :; done; mkdir /data/made'];
  const { bundle, data } = makeBundle({
    root: makeRoot(image.name),
    cgroup: join(cgroup, id),
    args,
    noNewPrivileges: true,
  });
  context.after(() => run('rm', '-rf', bundle));
  const container = new Runtime('runc', 'runc').run(id, bundle);
  await container.until('stdout', /up/);
  const evidence = join(temporary(context), 'evidence');
  const recorder = start(['record', '-o', '/dev/null', '--evidence', evidence, '--container', id.slice(0, 6)]);
  await recorder.until('stderr', /recording abc/);
  writeFileSync(join(data, 'go'), '');
  assert.equal((await container.finished).code, 0);
  const { stderr } = await recorder.finished;
  assert.match(stderr, /partial: recording began after the workload/);
  assert.ok(observed(readEvidence(evidence)).includes('mkdir'));
});

test('an id that more than one container begins with is refused, and the candidates named', async (context) => {
  const first = makeCgroup(context);
  await run('mkdir', join(first, 'feed1'), join(first, 'feed2'));
  const { code, stderr } = await syscribe(['record', '--container', 'feed']);
  assert.equal(code, 125);
  assert.match(stderr, /2 containers match feed\n.*remedy: Give more of the id: feed[12], feed[12]/);
});
