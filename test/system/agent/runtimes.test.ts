import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runtimesOf } from '../../../src/agent/pods/runtimes.ts';
import { RuntimeClient } from '../../../src/container/cri/client.ts';
import { Containerd } from '../support/containerd.ts';
import { makeCgroup } from '../support/kernel.ts';
import { temporary } from '../support/syscribe.ts';

test('containerd tells which runtime a container has whose pod names none', async (context) => {
  const containerd = await Containerd.start(context);
  const seccomp = join(temporary(context), 'profile.json');
  writeFileSync(seccomp, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW' }));
  const cgroup = `/${makeCgroup(context, 'pids').split('/').at(-1)}`;
  const pod = { name: 'web', namespace: 'shop', container: 'front', command: ['/bin/sleep', '1000'] };
  const { container } = await containerd.runPod({ ...pod, seccomp, cgroup });
  using runtime = new RuntimeClient(containerd.endpoint);
  const identity = await runtime.identify(container, Date.now() + 10_000);
  assert.ok(identity && !identity.sandbox);
  assert.deepEqual([identity.name, identity.handler, identity.runtime], ['front', '', 'runc io.containerd.runc.v2']);
  assert.deepEqual(runtimesOf(identity.runtime), ['runc']);
});
