import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type RecordingState, stateOf } from '../../../src/api/recording-state.ts';
import type { SeccompProfile } from '../../../src/api/types.ts';
import { customResource, NAMESPACES, PODS, pathOf } from '../../../src/kube/object.ts';
import { FakeApiServer } from '../../support/fake-api-server.ts';
import { freeAddress } from '../../support/free-port.ts';
import { Auditd } from '../audit/auditd.ts';
import { Containerd } from '../support/containerd.ts';
import { makeCgroup } from '../support/kernel.ts';
import { type Running, start, temporary } from '../support/syscribe.ts';

export const PROFILES = pathOf(customResource('seccompprofiles', 'SeccompProfile', false));
const RECORDINGS = customResource('profilerecordings', 'ProfileRecording', true);
const SESSION = { 'io.containers.trace-logs/front': 'rec_front_x7k2p_1700000000' };

export interface Node {
  readonly server: FakeApiServer;
  readonly stateDirectory: string;
  readonly auditd: Auditd | undefined;
  /** A process that is killed by the test is started anew with the same. */
  startAgent(...more: string[]): Promise<Running>;
  /**
   * Starts a container as the kubelet does; `end` tells the API server of its end.
   * @param profile a SeccompProfile that it is to have, rather than be recorded.
   */
  runPod(name: string, command: string[], profile?: string): Promise<Pod>;
  /** The profile of a pod's container once its state is so. */
  profile(pod: string, is: (state: RecordingState, profile: SeccompProfile) => boolean): Promise<SeccompProfile>;
}

export interface Pod {
  readonly end: (finishedAt?: string) => void;
  readonly stop: () => Promise<void>;
  /** The container's first process, and how many there are. */
  readonly pid: number;
  readonly processes: number;
}

export interface NodeSettings {
  readonly withAuditd?: boolean;
  /** auditd's. */
  readonly settings?: Record<string, string>;
  /** Whether the agent does not read the log then. */
  readonly refuses?: boolean;
  readonly recorder?: 'Logs' | 'Bpf';
  /** A profile that there is from the beginning, and no recording. */
  readonly withProfile?: SeccompProfile;
  /** Makes the directory for pins; what it puts away goes behind the agent. */
  readonly pins?: (context: TestContext) => string;
}

/** An API server that is none, a real containerd, and what a node has of the kubelet. */
export async function makeNode(
  context: TestContext,
  { withAuditd = false, settings = {}, refuses = false, recorder = 'Logs', withProfile, pins }: NodeSettings = {},
): Promise<Node> {
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
  if (withProfile) server.objects.adopt(PROFILES, withProfile);
  else
    server.put(RECORDINGS, {
      metadata: { name: 'rec', namespace: 'shop' },
      spec: { kind: 'SeccompProfile', recorder, podSelector: { matchLabels: { app: 'web' } } },
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
  const opened = refuses ? /the audit log cannot be read/ : /the audit log is read/;
  const stateDirectory = join(directory, 'state');
  const args = Object.entries({
    '--kubeconfig': kubeconfig,
    '--node-name': 'node-1',
    '--state-dir': stateDirectory,
    // Without a bpffs nothing is recorded by eBPF, and nothing stays pinned.
    '--pin-dir': pins ? pins(context) : join(directory, 'pins'),
    '--cgroup-root': cgroupRoot,
    '--kubelet-dir': join(directory, 'kubelet'),
    ...(auditd ? { '--audit-file': auditd.log } : { '--audit-source': 'netlink' }),
    '--health': await freeAddress(),
  }).flat();
  return {
    server,
    stateDirectory,
    auditd,
    startAgent: async (...more) => {
      const env = { ...process.env, CONTAINER_RUNTIME_ENDPOINT: containerd.endpoint };
      agent = start(['agent', '--no-metrics', ...args, ...more], { env });
      await agent.until('stdout', recorder === 'Logs' || withProfile ? opened : /agent started/);
      return agent;
    },
    runPod: async (name, command, profile) => {
      const uid = randomUUID();
      const file = `operator/${profile ?? 'log-enricher-trace'}.json`;
      const securityContext = { seccompProfile: { type: 'Localhost', localhostProfile: file } };
      const pod = (status: object) => ({
        metadata: {
          ...{ name, namespace: 'shop', uid },
          ...(profile === undefined && { labels: { app: 'web' }, annotations: SESSION }),
        },
        spec: { nodeName: 'node-1', containers: [{ name: 'front', securityContext }] },
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
        seccomp: join(directory, 'kubelet/seccomp', file),
        cgroup: `${cgroupRoot}/kubepods/pod${uid}`,
      });
      const status = (state: object) => ({ name: 'front', containerID: `containerd://${container}`, state });
      server.objects.adopt(pathOf(PODS), pod({ phase: 'Running', containerStatuses: [status({ running: {} })] }));
      const procs = join(root, `kubepods/pod${uid}`, container, 'cgroup.procs');
      const pids = () => readFileSync(procs, 'utf8').trim().split('\n').map(Number);
      return {
        stop: () => containerd.endPod(sandbox),
        end: (finishedAt = new Date().toISOString()) => {
          const containerStatuses = [status({ terminated: { exitCode: 0, finishedAt } })];
          server.objects.adopt(pathOf(PODS), pod({ phase: 'Succeeded', containerStatuses }));
        },
        get pid() {
          return pids()[0] ?? assert.fail('nothing runs in it');
        },
        get processes() {
          return pids().length;
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

export const names = ({ spec }: SeccompProfile) => spec.syscalls?.flatMap((rule) => rule.names) ?? [];
export const reasons = ({ metadata }: SeccompProfile) => stateOf(metadata)?.reasons.map(({ code }) => code);
