import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stateOf } from '../../../src/api/recording-state.ts';
import type { SeccompProfile } from '../../../src/api/types.ts';
import { EVENTS, pathOf } from '../../../src/kube/object.ts';
import { until } from '../../support/until.ts';
import type { Auditd } from '../audit/auditd.ts';
import type { Running } from '../support/syscribe.ts';
import { makeNode, type Node, names, type Pod, PROFILES, reasons } from './node.ts';

test('a container that logs is recorded from its first call to its last, without what its runtime did before', async (context) => {
  const node = await makeNode(context);
  await node.startAgent();
  const pod = await node.runPod('web', ['/bin/mkdir', '/tmp/made']);
  // By its cgroup's end, whatever its status still says.
  await node.profile('web', ({ done }) => done === 1);
  pod.end();
  const profile = await node.profile('web', ({ finished }) => finished);
  assert.deepEqual(reasons(profile), []);
  const found = names(profile);
  for (const name of ['mkdir', 'exit_group']) assert.ok(found.includes(name), `${name} in ${found}`);
  for (const name of ['pivot_root', 'clone3', 'mount', 'sethostname']) assert.ok(!found.includes(name), name);
  const events = node.server.objects.all(pathOf(EVENTS)) as unknown as { reason: string }[];
  assert.ok(events.some(({ reason }) => reason === 'ProfileRecording'));
});

test('a run that the agent’s restart falls into says so, and keeps what was seen before', async (context) => {
  const node = await makeNode(context);
  const first = await node.startAgent();
  const pod = await node.runPod('web', ['/bin/sh', '-c', '/bin/mkdir /tmp/made; exec /bin/sleep 1000']);
  await node.profile('web', (state, profile) => state.running === 1 && names(profile).includes('mkdir'));
  first.child.kill('SIGTERM');
  assert.equal((await first.finished).code, 0);
  await node.startAgent();
  await node.profile('web', ({ reasons: told }) => told.some(({ code }) => code === 'began-late'));
  await pod.stop();
  pod.end();
  const profile = await node.profile('web', ({ finished, done }) => finished && done === 1);
  assert.ok(names(profile).includes('mkdir'));
});

/** A shell that goes on by one of its own calls for each line that is written to a pipe. */
const STEPS = ['umask 077', 'cd /bin', 'exit'];
const STEPPING = `busybox mkfifo /steps; exec 3<>/steps; ${STEPS.map((step) => `read x <&3; ${step}`).join('; ')}`;
const UMASK = 95;
const RMDIR = 84;

/** Lets a stepping container make its next step. */
async function step({ pid }: Pod): Promise<void> {
  const pipe = `/proc/${pid}/root/steps`;
  await until('the container waits for a step', () => existsSync(pipe));
  writeFileSync(pipe, '\n');
}

async function stepToEnd(pod: Pod, steps: number): Promise<void> {
  const { pid } = pod;
  for (let left = steps; left > 0; left--) await step(pod);
  await until('the container has ended', () => !existsSync(`/proc/${pid}`));
  pod.end();
}

/** When what the pod was started with is in its record: there is one process in it then, which waits. */
async function killWhenKept(node: Node, agent: Running, pod: Pod): Promise<void> {
  await node.profile('web', (_, profile) => names(profile).some((name) => /^mknod/.test(name)));
  const kept = () => JSON.parse(readFileSync(join(node.stateDirectory, 'audit-log.json'), 'utf8')).position?.offset;
  // What others of this machine log stands in it, too.
  const text = readFileSync(node.auditd?.log ?? '', 'latin1');
  const end = text.indexOf('\n', text.lastIndexOf(` pid=${pod.pid} `)) + 1;
  await until('the log is read up to what the pod has done', () => kept() >= end);
  agent.child.kill('SIGKILL');
  await agent.finished;
}

function hasRecord(auditd: Auditd | undefined, record: RegExp): boolean {
  return record.test(readFileSync(auditd?.log ?? '', 'utf8'));
}

test('killed in the middle of a recording and started again, the agent reads on: the recording is whole', async (context) => {
  const node = await makeNode(context, { withAuditd: true });
  const first = await node.startAgent();
  const calm = await node.runPod('calm', ['/bin/sh', '-c', STEPPING]);
  await stepToEnd(calm, STEPS.length);
  const undisturbed = await node.profile('calm', ({ finished }) => finished);
  assert.deepEqual(reasons(undisturbed), []);
  for (const name of ['umask', 'chdir']) assert.ok(names(undisturbed).includes(name), name);

  const pod = await node.runPod('web', ['/bin/sh', '-c', STEPPING]);
  await killWhenKept(node, first, pod);
  await step(pod);
  const { auditd } = node;
  await until('umask is in the log', () => hasRecord(auditd, new RegExp(` pid=${pod.pid} .*syscall=${UMASK} `)));
  auditd?.rotate();
  await until('the log is another file', () => existsSync(`${auditd?.log}.1`));
  await node.startAgent();
  await stepToEnd(pod, STEPS.length - 1);
  const profile = await node.profile('web', ({ finished }) => finished);
  assert.deepEqual(reasons(profile), []);
  assert.deepEqual(names(profile).sort(), names(undisturbed).sort());
});

test('of a process that came and went while the agent was away the record says that something is missing', async (context) => {
  const node = await makeNode(context, { withAuditd: true });
  const first = await node.startAgent();
  const script = 'busybox mkfifo /steps; exec 3<>/steps; read x <&3; busybox rmdir /nowhere; read x <&3; exit';
  const pod = await node.runPod('web', ['/bin/sh', '-c', script]);
  await killWhenKept(node, first, pod);
  await step(pod);
  await until(
    'rmdir is in the log, and its process gone',
    () => hasRecord(node.auditd, new RegExp(`comm="busybox" .*syscall=${RMDIR} `)) && pod.processes === 1,
  );
  await node.startAgent();
  await stepToEnd(pod, 1);
  const profile = await node.profile('web', ({ finished }) => finished);
  assert.deepEqual(reasons(profile), ['log-lost']);
  assert.match(stateOf(profile.metadata)?.reasons[0]?.message ?? '', /records were of processes that had ended before/);
});

test('what ran and ended while the agent was away is told to be missing, not left out', async (context) => {
  const node = await makeNode(context, { withAuditd: true });
  const first = await node.startAgent();
  const before = await node.runPod('before', ['/bin/mkdir', '/tmp/made']);
  await until('the first pod has ended', () => !existsSync(`/proc/${before.pid}`));
  before.end();
  await node.profile('before', ({ finished }) => finished);
  first.child.kill('SIGKILL');
  await first.finished;
  const pod = await node.runPod('away', ['/bin/mkdir', '/tmp/made']);
  await pod.stop();
  pod.end();
  await node.startAgent();
  const profile = await node.profile('away', ({ finished }) => finished);
  assert.deepEqual(reasons(profile), ['log-lost']);
  const events = node.server.objects.all(pathOf(EVENTS)) as unknown as { reason: string; message: string }[];
  assert.match(
    events.find(({ reason }) => reason === 'NotRecorded')?.message ?? '',
    /ended while the audit log was not/,
  );
  const profiles = node.server.objects.all(PROFILES) as unknown as SeccompProfile[];
  assert.equal(profiles.length, 2, 'what ended before is not begun with anew');
});

test('a container that floods the log is recorded no more, and told so', async (context) => {
  const node = await makeNode(context);
  await node.startAgent('--audit-rate-limit', '1000');
  const pod = await node.runPod('web', ['/bin/sh', '-c', 'mkdir /tmp/made; while umask 022; do :; done']);
  const events = () => node.server.objects.all(pathOf(EVENTS)) as unknown as { reason: string; message: string }[];
  await node.server.changes.until(() => events().some(({ reason }) => reason === 'RecordingRateLimited'));
  await pod.stop();
  pod.end();
  const profile = await node.profile('web', ({ finished }) => finished);
  assert.ok(reasons(profile)?.includes('rate-limited'), `${reasons(profile)}`);
  assert.deepEqual(stateOf(profile.metadata)?.done, 1);
  for (const name of ['mkdir', 'umask']) assert.ok(names(profile).includes(name), name);
});

test('where a full disk would stop the node, nothing is recorded from the log, and pods are told why', async (context) => {
  const node = await makeNode(context, { withAuditd: true, settings: { disk_full_action: 'HALT' }, refuses: true });
  const agent = await node.startAgent();
  await node.runPod('web', ['/bin/sleep', '1000']);
  const events = () => node.server.objects.all(pathOf(EVENTS)) as unknown as { reason: string; message: string }[];
  const refused = () => events().find(({ reason }) => reason === 'AuditLogUnavailable')?.message ?? '';
  await node.server.changes.until(() => refused() !== '');
  assert.match(
    refused(),
    /^front is not recorded: auditd shuts the node down .*disk_full_action = halt in .*\. Set it to/,
  );
  assert.doesNotMatch(agent.stdout, /the audit log is read/);
});
