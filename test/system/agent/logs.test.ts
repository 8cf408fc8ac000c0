import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type RecordingState, stateOf } from '../../../src/api/recording-state.ts';
import type { SeccompProfile } from '../../../src/api/types.ts';
import { customResource, EVENTS, NAMESPACES, PODS, pathOf } from '../../../src/kube/object.ts';
import { FakeApiServer } from '../../support/fake-api-server.ts';
import { Auditd } from '../audit/auditd.ts';
import { Containerd } from '../support/containerd.ts';
import { makeCgroup } from '../support/kernel.ts';
import { type Running, start, temporary } from '../support/syscribe.ts';

const PROFILES = pathOf(customResource('seccompprofiles', 'SeccompProfile', false));
const RECORDINGS = customResource('profilerecordings', 'ProfileRecording', true);
const SESSION = { 'io.containers.trace-logs/front': 'rec_front_x7k2p_1700000000' };

interface Node {
  readonly server: FakeApiServer;
  readonly stateDirectory: string;
  /** auditd's, where the node has one. */
  readonly auditLog: string;
  /** A process that is killed by the test is started anew with the same. */
  startAgent(...more: string[]): Promise<Running>;
  /** Starts a container as the kubelet does; `end` tells the API server of its end. */
  runPod(name: string, command: string[]): Promise<Pod>;
  /** The profile of a pod's container once its state is so. */
  profile(pod: string, is: (state: RecordingState, profile: SeccompProfile) => boolean): Promise<SeccompProfile>;
}

interface Pod {
  readonly end: (finishedAt?: string) => void;
  readonly stop: () => Promise<void>;
  /** The container's first process. */
  readonly pid: number;
}

/** An API server that is none, a real containerd, and what a node has of the kubelet. */
async function makeNode(context: TestContext, { withAuditd = false, settings = {} } = {}): Promise<Node> {
  let agent: Running | undefined;
  context.after(async () => {
    agent?.child.kill('SIGTERM');
    await agent?.finished;
  });
  const auditd = withAuditd ? await Auditd.start(context, undefined, settings) : undefined;
  const containerd = await Containerd.start(context);
  const directory = temporary(context);
  const root = makeCgroup(context, 'pids');
  mkdirSync(join(root, 'kubepods'));
  mkdirSync(join(directory, 'kubelet'));
  const server = await FakeApiServer.start();
  context.after(() => server[Symbol.asyncDispose]());
  server.put(NAMESPACES, { metadata: { name: 'shop', labels: { 'spo.x-k8s.io/enable-recording': '' } } });
  server.put(RECORDINGS, {
    metadata: { name: 'rec', namespace: 'shop' },
    spec: { kind: 'SeccompProfile', recorder: 'Logs', podSelector: { matchLabels: { app: 'web' } } },
  });
  const kubeconfig = join(directory, 'kubeconfig');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'fake', cluster: { server: server.url } }],
      users: [{ name: 'agent', user: {} }],
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'agent' } }],
      'current-context': 'fake',
    }),
  );
  const cgroupRoot = `/${root.split('/').at(-1)}`;
  const stateDirectory = join(directory, 'state');
  const args = Object.entries({
    '--kubeconfig': kubeconfig,
    '--node-name': 'node-1',
    '--state-dir': stateDirectory,
    // No bpffs: nothing is recorded by eBPF here, and nothing stays pinned.
    '--pin-dir': join(directory, 'pins'),
    '--cgroup-root': cgroupRoot,
    '--kubelet-dir': join(directory, 'kubelet'),
    ...(auditd ? { '--audit-file': auditd.log } : { '--audit-source': 'netlink' }),
    '--health': '127.0.0.1:18085',
  }).flat();
  return {
    server,
    stateDirectory,
    auditLog: auditd?.log ?? '',
    startAgent: async (...more) => {
      const env = { ...process.env, CONTAINER_RUNTIME_ENDPOINT: containerd.endpoint };
      agent = start(['agent', '--no-metrics', ...args, ...more], { env });
      await agent.until('stdout', /the audit log (is|cannot be) read/);
      return agent;
    },
    runPod: async (name, command) => {
      const uid = randomUUID();
      const pod = (status: object) => ({
        metadata: { name, namespace: 'shop', labels: { app: 'web' }, annotations: SESSION, uid },
        spec: { nodeName: 'node-1', containers: [{ name: 'front' }] },
        status,
      });
      server.objects.adopt(pathOf(PODS), pod({ phase: 'Pending' }));
      const { container, sandbox } = await containerd.runPod({
        name,
        namespace: 'shop',
        uid,
        container: 'front',
        command,
        // As the kubelet finds it: what the agent has written.
        seccomp: join(directory, 'kubelet/seccomp/operator/log-enricher-trace.json'),
        cgroup: `${cgroupRoot}/kubepods/pod${uid}`,
      });
      const status = (state: object) => ({ name: 'front', containerID: `containerd://${container}`, state });
      server.objects.adopt(pathOf(PODS), pod({ phase: 'Running', containerStatuses: [status({ running: {} })] }));
      const procs = join(root, `kubepods/pod${uid}`, container, 'cgroup.procs');
      return {
        stop: () => containerd.endPod(sandbox),
        end: (finishedAt = new Date().toISOString()) => {
          const containerStatuses = [status({ terminated: { exitCode: 0, finishedAt } })];
          server.objects.adopt(pathOf(PODS), pod({ phase: 'Succeeded', containerStatuses }));
        },
        get pid() {
          return Number(readFileSync(procs, 'utf8').split('\n')[0]);
        },
      };
    },
    profile: async (pod, is) => {
      const find = () =>
        (server.objects.all(PROFILES) as unknown as SeccompProfile[]).find((profile) => {
          const state = stateOf(profile.metadata);
          return state?.pod.name === pod && is(state, profile);
        });
      await server.changes.until(() => find() !== undefined);
      return find() as SeccompProfile;
    },
  };
}

const names = ({ spec }: SeccompProfile) => spec.syscalls?.flatMap((rule) => rule.names) ?? [];
const reasons = ({ metadata }: SeccompProfile) => stateOf(metadata)?.reasons.map(({ code }) => code);

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

async function until(is: () => boolean): Promise<void> {
  while (!is()) await setTimeout(10);
}

/** Lets a stepping container make its next step. */
async function step({ pid }: Pod): Promise<void> {
  const pipe = `/proc/${pid}/root/steps`;
  await until(() => existsSync(pipe));
  writeFileSync(pipe, '\n');
}

async function stepToEnd(pod: Pod, steps: number): Promise<void> {
  const { pid } = pod;
  for (let left = steps; left > 0; left--) await step(pod);
  await until(() => !existsSync(`/proc/${pid}`));
  pod.end();
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
  const { pid } = pod;
  await node.profile('web', (_, profile) => names(profile).some((name) => /^mknod/.test(name)));
  // What it is started with is in the records; from here on there is one process, and it makes one step.
  const kept = () => JSON.parse(readFileSync(join(node.stateDirectory, 'audit-log.json'), 'utf8')).position?.offset;
  await until(() => kept() === statSync(node.auditLog).size);
  first.child.kill('SIGKILL');
  await first.finished;
  await step(pod);
  const wrote = new RegExp(` pid=${pid} .*syscall=${UMASK} `);
  await until(() => wrote.test(readFileSync(node.auditLog, 'utf8')));
  await node.startAgent();
  await stepToEnd(pod, STEPS.length - 1);
  const profile = await node.profile('web', ({ finished }) => finished);
  assert.deepEqual(reasons(profile), []);
  assert.deepEqual(names(profile).sort(), names(undisturbed).sort());
});

test('what ran and ended while the agent was away is told to be missing, not left out', async (context) => {
  const node = await makeNode(context, { withAuditd: true });
  const first = await node.startAgent();
  const before = await node.runPod('before', ['/bin/mkdir', '/tmp/made']);
  await until(() => !existsSync(`/proc/${before.pid}`));
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
  const node = await makeNode(context, { withAuditd: true, settings: { disk_full_action: 'HALT' } });
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
