import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type RecordingState, stateOf } from '../../../src/api/recording-state.ts';
import type { SeccompProfile } from '../../../src/api/types.ts';
import { customResource, EVENTS, NAMESPACES, PODS, pathOf } from '../../../src/kube/object.ts';
import { FakeApiServer } from '../../support/fake-api-server.ts';
import { Containerd } from '../support/containerd.ts';
import { makeCgroup } from '../support/kernel.ts';
import { type Running, start, temporary } from '../support/syscribe.ts';

const PROFILES = pathOf(customResource('seccompprofiles', 'SeccompProfile', false));
const RECORDINGS = customResource('profilerecordings', 'ProfileRecording', true);
const SESSION = { 'io.containers.trace-logs/front': 'rec_front_x7k2p_1700000000' };

interface Node {
  readonly server: FakeApiServer;
  /** A process that is killed by the test is started anew with the same. */
  startAgent(): Promise<Running>;
  /** Starts a container as the kubelet does; what it gives tells the API server of its end. */
  runPod(name: string, command: string[]): Promise<{ end: () => void; stop: () => Promise<void> }>;
  /** The profile of a pod's container once its state is so. */
  profile(pod: string, is: (state: RecordingState, profile: SeccompProfile) => boolean): Promise<SeccompProfile>;
}

/** An API server that is none, a real containerd, and what a node has of the kubelet. */
async function makeNode(context: TestContext): Promise<Node> {
  let agent: Running | undefined;
  context.after(async () => {
    agent?.child.kill('SIGTERM');
    await agent?.finished;
  });
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
  const args = Object.entries({
    '--kubeconfig': kubeconfig,
    '--node-name': 'node-1',
    '--state-dir': join(directory, 'state'),
    // No bpffs: nothing is recorded by eBPF here, and nothing stays pinned.
    '--pin-dir': join(directory, 'pins'),
    '--cgroup-root': cgroupRoot,
    '--kubelet-dir': join(directory, 'kubelet'),
    '--audit-source': 'netlink',
    '--health': '127.0.0.1:18085',
  }).flat();
  return {
    server,
    startAgent: async () => {
      const env = { ...process.env, CONTAINER_RUNTIME_ENDPOINT: containerd.endpoint };
      agent = start(['agent', '--no-metrics', ...args], { env });
      await agent.until('stdout', /the audit log is read/);
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
      const ended = { phase: 'Succeeded', containerStatuses: [status({ terminated: { exitCode: 0 } })] };
      return { stop: () => containerd.endPod(sandbox), end: () => server.objects.adopt(pathOf(PODS), pod(ended)) };
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
