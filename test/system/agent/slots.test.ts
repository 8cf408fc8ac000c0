import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENTS, pathOf } from '../../../src/kube/object.ts';
import { bpffs } from '../support/kernel.ts';
import { makeNode, reasons } from './node.ts';

test('containers for which there is no slot are told, whether they run on or have ended', async (context) => {
  const node = await makeNode(context, { recorder: 'Bpf', pins: bpffs });
  await node.startAgent('--slots', '2');
  const sleep = ['/bin/sleep', '1000'];
  const first = await node.runPod('first', sleep);
  await node.runPod('second', sleep);
  for (const name of ['first', 'second']) await node.profile(name, ({ running }) => running === 1);
  const waiting = await node.runPod('waiting', sleep);
  await node.profile('waiting', ({ running }) => running === 1);
  const short = await node.runPod('short', ['/bin/mkdir', '/tmp/made']);
  await short.stop();
  short.end();
  assert.deepEqual(reasons(await node.profile('short', ({ finished }) => finished)), ['no-slot']);
  for (const pod of [first, waiting]) {
    await pod.stop();
    pod.end();
  }
  const profile = await node.profile('waiting', ({ finished }) => finished);
  assert.ok(reasons(profile)?.includes('no-slot'), `${reasons(profile)}`);
  const events = node.server.objects.all(pathOf(EVENTS)) as unknown as Told[];
  const told = events.filter(({ reason }) => reason === 'NoSlot');
  // The second's sandbox may have had the last slot when its container was made.
  const pods = new Set(told.map(({ involvedObject }) => involvedObject.name));
  for (const name of ['waiting', 'short']) assert.ok(pods.has(name), name);
  assert.ok(!pods.has('first'));
  assert.match(told[0]?.message ?? '', /all 2 slots of the recorder were taken. Give the agent more \(--slots\)/);
});

interface Told {
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly name: string };
}
